"""The refinement from end to end: cut out the surroundings, run the steps, paste back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.refine import dense_crf, edge, fusion, matting, morphology
from vx_detectron.refine.options import RefineOptions
from vx_detectron.refine.window import Window, surroundings

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

_VISIBLE = 0.02  # mask values below are no reason to look there
_MARGIN = 3.0  # surroundings, in cells


def refine(
    image: ByteArray,
    mask: FloatArray,
    *,
    cell: float,
    saliency: FloatArray | None = None,
    options: RefineOptions | None = None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """Turn a soft mask into an alpha mask.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: float32 (H, W), 0..1, probability that a pixel belongs to the subject.
        cell: side of one cell of the mask head in pixels of the photo (``Instances.mask_cell``).
        saliency: float32 (h, w), 0..1, probability of "main subject" over the whole photo at
            any resolution; None where the network has no such map.
        options: which steps run; by default all but the matting.

    Returns:
        alpha, float32 (H, W), 0 = background .. 1 = subject; and the names of the steps that
        really ran, in order: ``saliency fusion``, ``DenseCRF``, ``morphology``, ``sharp edge``,
        ``closed-form matting``.
        A mask with nothing visible in it comes back as zeros, with no step; without
        any step it comes back as it is.

    Raises:
        ValueError: an array of another shape, dtype or range, or a cell that is not positive.
        ConfigError: the DenseCRF is on and pydensecrf is missing.
    """
    options = options or RefineOptions()
    _check(image, mask, cell, saliency)
    window = surroundings(mask > _VISIBLE, _MARGIN * cell)
    alpha = np.zeros_like(mask)
    if window is None:
        return alpha, ()
    small_image, small_mask, scale = _shrink(image[window], mask[window], options.working_side)
    small_map = None
    if saliency is not None and options.fuse_saliency:
        small_map = _sample(saliency, mask.shape, window, small_mask.shape)
    refined, fine_cell, steps = _run(small_image, small_mask, cell * scale, small_map, options)
    if options.sharp_edge:
        alpha[window] = edge.sharpen(image[window], refined, options.edge_width)
        steps.append("sharp edge")
    elif steps:
        alpha[window] = _resize(refined, alpha[window].shape)
    else:
        alpha = mask.copy()
    if options.matting:
        width = options.matting_band * fine_cell / scale
        alpha[window], step = matting.matte(image[window], alpha[window], width)
        steps.append(step)
    return alpha, tuple(steps)


def _run(
    image: ByteArray,
    mask: FloatArray,
    cell: float,
    saliency: tuple[FloatArray, float] | None,
    options: RefineOptions,
) -> tuple[FloatArray, float, list[str]]:
    """The steps at working size; ``saliency`` comes with the side of its pixels.

    Returns:
        the mask, the side of its cell after the fusion, and the names of the steps.
    """
    steps = []
    if saliency is not None and fusion.agrees(mask, saliency[0]):
        mask = fusion.fuse(
            mask,
            saliency[0],
            cell,
            weight=options.saliency_weight,
            reach=options.saliency_reach,
        )
        cell = min(cell, options.saliency_edge * saliency[1])
        steps.append("saliency fusion")
    if options.dense_crf:
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
    if options.morphology:
        mask = morphology.clean(
            mask,
            cell,
            speck_fraction=options.speck_fraction,
            hole_cells=options.hole_cells,
        )
        steps.append("morphology")
    return mask, cell, steps


def _shrink(
    image: ByteArray, mask: FloatArray, longest: int
) -> tuple[ByteArray, FloatArray, float]:
    """Image and mask at a size whose long side is at most ``longest``, and the scale."""
    height, width = mask.shape
    scale = min(1.0, longest / max(height, width))
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    # OpenCV's area average of ones exceeds one by rounding.
    return _resize(image, size), np.minimum(_resize(mask, size), np.float32(1)), scale


def _resize(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Area average when smaller, bilinear when larger, the array itself when equal."""
    if array.shape[:2] == size:
        return array
    shrinking = size[0] * size[1] < array.shape[0] * array.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(array, (size[1], size[0]), interpolation=method)


def _sample(
    saliency: FloatArray, photo: tuple[int, int], window: Window, size: tuple[int, int]
) -> tuple[FloatArray, float]:
    """The map over a window of the photo, at ``size``, and the side of its pixels there.

    Beyond its outermost pixel centres the map goes on with their values: the photo's border is
    no edge of the subject.
    """
    matrix = np.zeros((2, 3))
    sides = []
    for row, axis in ((0, 1), (1, 0)):
        step = (window[axis].stop - window[axis].start) / size[axis]  # photo pixels a result pixel
        shrink = saliency.shape[axis] / photo[axis]
        matrix[row, row] = step * shrink
        # pixel centres: result x lies at photo window.start + (x + 0.5) * step
        matrix[row, 2] = (window[axis].start + 0.5 * step) * shrink - 0.5
        sides.append(1 / (step * shrink))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sampled = cv2.warpAffine(
        saliency, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, dtype=np.float32), float(np.sqrt(sides[0] * sides[1]))


def _check(image: ByteArray, mask: FloatArray, cell: float, saliency: FloatArray | None) -> None:
    """Raise ValueError on anything `refine` does not promise to take."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"image must be RGB uint8 of shape (H, W, 3), got {image.dtype} {image.shape}"
        )
    _check_probabilities("mask", mask)
    if mask.shape != image.shape[:2]:
        raise ValueError(f"mask must have the image's size {image.shape[:2]}, got {mask.shape}")
    if not (np.isfinite(cell) and cell > 0):
        raise ValueError(f"cell must be a positive number of pixels, got {cell!r}")
    if saliency is not None:
        _check_probabilities("saliency", saliency)


def _check_probabilities(name: str, array: FloatArray) -> None:
    if array.dtype != np.float32 or array.ndim != 2 or not array.size:
        raise ValueError(
            f"{name} must be float32 of shape (height, width), got {array.dtype} {array.shape}"
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also catches NaN, which min and max pass on
        raise ValueError(f"{name} must lie within 0..1, got {low:g}..{high:g}")
