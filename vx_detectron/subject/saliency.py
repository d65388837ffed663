"""What stands out in the photo: the network's learned map, or a classical one without training."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from vx_detectron.structures import ByteArray, FloatArray, Instances

LEARNED = "learned saliency"
CLASSICAL = "classical saliency"

_SIDE = 100  # long side of the thumbnail; 150 and 200 were slower and no better
_BORDER = 0.1  # width of the strips taken for background, as a share of the long side
_SWEEPS = 2  # rounds of the four sweeps of the minimum-barrier transform
_STEEPNESS = 10.0  # of the final sigmoid, as in the paper


def saliency_of(image: ByteArray, instances: Instances) -> tuple[FloatArray, str]:
    """The learned map where the network has one, else the classical one; and which it was.

    Args:
        image: uint8 (H, W, 3), RGB, the photo the instances were found in.
        instances: what the engine found.

    Returns:
        float32 (h, w), 0..1, over the whole photo at a low resolution, and the name of its
        source, ``learned saliency`` or ``classical saliency``.
    """
    if instances.saliency is not None:
        return instances.saliency, LEARNED
    return classical_saliency(image), CLASSICAL


def classical_saliency(image: ByteArray) -> FloatArray:
    """How much each pixel stands out from the photo's border, without any training.

    MB+ of Zhang, Sclaroff, Lin, Shen, Price, Mech: Minimum Barrier Salient Object Detection at
    80 FPS (ICCV 2015), in Lab on a thumbnail of 100 px: the minimum-barrier distance to the
    border, plus the colour distance to three of the four border strips, weighted towards the
    centre and stretched about Otsu's threshold. The sweeps take whole rows at a time.

    Args:
        image: uint8 (H, W, 3), RGB.

    Returns:
        float32 (h, w), 0..1, the whole photo at thumbnail size (h, w <= 100). All zero where
        nothing stands out, as in a flat photo.

    Raises:
        ValueError: the image is not uint8 (H, W, 3) with at least one pixel.
    """
    lab = _lab_thumbnail(image)
    distance = _stretch(_barrier_distance(lab)) + _stretch(_border_contrast(lab))
    smooth = cv2.GaussianBlur(distance, (0, 0), 0.02 * max(distance.shape))
    salient = _stretch(smooth * _centre_prior(distance.shape))
    if not salient.any():
        return salient
    threshold, _ = cv2.threshold(
        (salient * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU
    )
    stretched = 1.0 / (1.0 + np.exp(-_STEEPNESS * (salient - threshold / 255)))
    return np.asarray(stretched, dtype=np.float32)


def _lab_thumbnail(image: ByteArray) -> FloatArray:
    """The photo at thumbnail size, in 8-bit Lab, lightly denoised: float32 (h, w, 3)."""
    check_rgb(image)
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    skip = max(1, max(height, width) // (8 * _SIDE))  # 64 pixels a cell are enough for a mean
    image = image[::skip, ::skip]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.medianBlur(lab, 3), dtype=np.float32)


def _barrier_distance(lab: FloatArray) -> FloatArray:
    """Minimum-barrier distance to the border, summed over the channels: float32 (h, w).

    The barrier of a path is its highest minus its lowest value; the distance is the lowest
    barrier among the paths to the border.
    """
    distance = np.full(lab.shape, np.inf, dtype=np.float32)
    distance[[0, -1]] = 0.0
    distance[:, [0, -1]] = 0.0
    state = (lab, distance, lab.copy(), lab.copy())
    downwards: Callable[[FloatArray], FloatArray] = lambda array: array  # noqa: E731
    views = (
        downwards,
        lambda array: array[::-1],
        lambda array: array.swapaxes(0, 1),
        lambda array: array.swapaxes(0, 1)[::-1],
    )
    for _ in range(_SWEEPS):
        for view in views:
            _sweep(*(view(array) for array in state))
    return np.asarray(distance.sum(axis=2), dtype=np.float32)


def _sweep(lab: FloatArray, distance: FloatArray, highest: FloatArray, lowest: FloatArray) -> None:
    """Let every row offer its paths to the next one; the last three arrays are updated."""
    for row in range(1, len(lab)):
        high = np.maximum(highest[row - 1], lab[row])
        low = np.minimum(lowest[row - 1], lab[row])
        better = high - low < distance[row]
        np.copyto(distance[row], high - low, where=better)
        np.copyto(highest[row], high, where=better)
        np.copyto(lowest[row], low, where=better)


def _border_contrast(lab: FloatArray) -> FloatArray:
    """Mahalanobis distance to the colours of the border strips: float32 (h, w).

    The strip a pixel is farthest from is left out, because the subject may touch one border.
    """
    strip = max(1, round(_BORDER * max(lab.shape[:2])))
    strips = (lab[:strip], lab[-strip:], lab[:, :strip], lab[:, -strip:])
    distances = np.stack([_colour_distance(lab, one) for one in strips])
    return np.asarray(distances.sum(axis=0) - distances.max(axis=0), dtype=np.float32)


def _colour_distance(lab: FloatArray, strip: FloatArray) -> FloatArray:
    """Each pixel's Mahalanobis distance to one strip's colours, over its maximum."""
    colours = strip.reshape(-1, 3).astype(np.float64)
    offset = colours - colours.mean(axis=0)
    spread = offset.T @ offset / len(colours) + 5.0 * np.eye(3)  # 5: about the noise of a JPEG
    difference = lab - colours.mean(axis=0)
    squared = np.einsum("hwi,ij,hwj->hw", difference, np.linalg.inv(spread), difference)
    distance = np.sqrt(squared)
    return np.asarray(distance / max(float(distance.max()), 1e-6), dtype=np.float32)


def _centre_prior(shape: tuple[int, ...]) -> FloatArray:
    """exp(-d^2), d from the photo's centre in half sides: float32 (h, w)."""
    height, width = shape
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    return np.exp(-(y[:, None] ** 2 + x[None, :] ** 2)).astype(np.float32)


def _stretch(values: FloatArray) -> FloatArray:
    """Scale to 0..1; all zero for a flat array."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return np.zeros(values.shape, dtype=np.float32)
    return np.asarray((values - low) / (high - low), dtype=np.float32)


def check_rgb(image: ByteArray) -> None:
    """Raise ValueError unless the image is uint8 (H, W, 3) with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(
            f"image must be uint8 of shape (height, width, 3) with at least one pixel, "
            f"got {image.dtype.name} of shape {image.shape}"
        )
