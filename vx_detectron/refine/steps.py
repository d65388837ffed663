"""The refinement from end to end: look at a part of the photo, run the steps, paste back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.image_io import area_average
from vx_detectron.refine import dense_crf, edge, fusion, matting, morphology
from vx_detectron.refine.options import RefineOptions
from vx_detectron.refine.window import bounded_size, sample, window_size
from vx_detectron.structures import ByteArray, FloatArray, Window

_VISIBLE = 0.02  # mask values below this count as nothing


def refine(
    image: ByteArray,
    mask: FloatArray,
    *,
    cell: float,
    window: Window | None = None,
    saliency: FloatArray | None = None,
    likely: FloatArray | None = None,
    options: RefineOptions | None = None,
    check: Callable[[], None] | None = None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """Turn a soft mask into an alpha mask.

    Args:
        image: uint8 (H, W, 3), RGB, the photo.
        mask: float32 (h, w), 0..1, probability that a pixel belongs to the subject, at the size
            of the window or smaller.
        cell: side of one cell of the mask head in pixels of the photo (``Instances.mask_cell``).
        window: rows and columns of the photo that the mask shows; by default all of them.
        saliency: float32, 0..1, probability of "main subject" over the whole photo at any
            resolution; None where the network has no such map.
        likely: float32 (h, w), 0..1, the mask again, for a subject that nobody picked by hand: what
            it shows counts as much as it is likely to be the subject. The map, which shows the
            subject too, then counts everywhere, unless it contradicts what is likely. None for a
            subject that a person picked: the map then only corrects its edge.
        options: which steps run; by default all but the matting.
        check: called between the steps, and within the longest one; whatever it raises ends the
            work.

    Returns:
        alpha, float32 (H, W), 0 = background .. 1 = subject; and the names of the steps that
        actually ran, in order: ``saliency fusion``, ``DenseCRF``, ``morphology``, ``sharp edge``,
        ``closed-form matting``.
        A mask with nothing visible in it comes back as zeros, with no step; without
        any step it comes back as it is.

    Raises:
        ValueError: an array of another shape, dtype or range, or a cell that is not positive.
    """
    options, check = options or RefineOptions(), check or _never_mind
    window = window or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    _check(image, mask, window, cell, saliency, likely)
    alpha = np.zeros(image.shape[:2], dtype=np.float32)
    if mask.max() <= _VISIBLE:
        return alpha, ()
    view = image[window]
    size = bounded_size(mask.shape, options.working_side)
    scale = math.sqrt(math.prod(size) / math.prod(view.shape[:2]))
    small, small_mask = np.ascontiguousarray(_resize(view, size)), _resize(mask, size)
    small_likely = None if likely is None else _resize(likely, size)
    small_map = None
    if saliency is not None and options.fuse_saliency:
        map_cell = math.sqrt(math.prod(image.shape[:2]) / saliency.size)
        small_map = sample(saliency, image.shape[:2], window, size), map_cell * scale
    refined, fine_cell, steps = _run(
        small,
        small_mask,
        cell * scale,
        small_map,
        likely=small_likely,
        options=options,
        check=check,
    )
    check()
    if options.sharp_edge:
        edge.sharpen(view, small, refined, options.edge_width, out=alpha[window])
        steps.append("sharp edge")
    else:
        alpha[window] = _resize(refined if steps else mask, view.shape[:2])
    if options.matting:
        check()
        width = options.matting_band * fine_cell / scale
        alpha[window], step = matting.matte(view, alpha[window], width, check)
        steps.append(step)
    return alpha, tuple(steps)


def _run(
    image: ByteArray,
    mask: FloatArray,
    cell: float,
    saliency: tuple[FloatArray, float] | None,
    *,
    likely: FloatArray | None,
    options: RefineOptions,
    check: Callable[[], None],
) -> tuple[FloatArray, float, list[str]]:
    """The steps at working size; ``saliency`` comes with the side of its pixels.

    Returns:
        the mask, the side of its cell after the fusion, and the names of the steps.
    """
    steps = []
    if saliency is not None and _fits(mask, saliency[0], likely):
        if likely is None:
            mask = fusion.fuse(
                mask,
                saliency[0],
                cell,
                weight=options.saliency_weight,
                reach=options.saliency_reach,
                trim=options.saliency_trim,
            )
        else:
            mask = fusion.blend(likely, saliency[0], options.saliency_weight)
        cell = min(cell, options.saliency_edge * saliency[1])
        steps.append("saliency fusion")
    check()
    if options.dense_crf and not dense_crf.is_installed():
        steps.append("no DenseCRF (extra crf not installed)")
    elif options.dense_crf:
        mask = dense_crf.follow_edges(
            image,
            mask,
            cell,
            unary=options.crf_unary,
            band=options.crf_band,
            sxy=options.crf_sxy,
            srgb=options.crf_srgb,
            compat=options.crf_compat,
            iterations=options.crf_iterations,
        )
        steps.append("DenseCRF")
    check()
    if options.morphology:
        mask = morphology.clean(
            mask,
            cell,
            speck_fraction=options.speck_fraction,
            hole_cells=options.hole_cells,
        )
        steps.append("morphology")
    return mask, cell, steps


def _fits(mask: FloatArray, saliency: FloatArray, likely: FloatArray | None) -> bool:
    """Whether the map can say something about what the mask shows."""
    if likely is None:
        return fusion.agrees(mask, saliency)
    return not fusion.contradicts(likely, saliency)


def _never_mind() -> None:
    """What is checked where nobody asks for it."""


def _resize(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Area average when smaller, bilinear when larger, the array itself when equal."""
    if array.shape[:2] == size:
        return array
    shrinking = size[0] * size[1] < array.shape[0] * array.shape[1]
    if shrinking and array.dtype == np.uint8:
        return area_average(array, size)
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    resized = cv2.resize(array, (size[1], size[0]), interpolation=method)
    # OpenCV's area average of ones exceeds one by rounding.
    return np.minimum(resized, np.float32(1)) if resized.dtype == np.float32 else resized


def _check(
    image: ByteArray,
    mask: FloatArray,
    window: Window,
    cell: float,
    saliency: FloatArray | None,
    likely: FloatArray | None,
) -> None:
    """Raise ValueError on anything that `refine` does not accept."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"image must be RGB uint8 of shape (H, W, 3), got {image.dtype} {image.shape}"
        )
    _check_probabilities("mask", mask)
    view = window_size(window)
    if mask.shape[0] > view[0] or mask.shape[1] > view[1]:
        raise ValueError(
            f"mask must have at most the size {view} of the view it shows, got {mask.shape}"
        )
    if not (np.isfinite(cell) and cell > 0):
        raise ValueError(f"cell must be a positive number of pixels, got {cell!r}")
    if saliency is not None:
        _check_probabilities("saliency", saliency)
    if likely is not None:
        _check_probabilities("likely", likely)
        if likely.shape != mask.shape:
            raise ValueError(f"likely must have the mask's shape {mask.shape}, got {likely.shape}")


def _check_probabilities(name: str, array: FloatArray) -> None:
    if array.dtype != np.float32 or array.ndim != 2 or not array.size:
        raise ValueError(
            f"{name} must be float32 of shape (height, width), got {array.dtype} {array.shape}"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also catches NaN, which min and max propagate
        raise ValueError(f"{name} must lie within 0..1, got {low:g}..{high:g}")
