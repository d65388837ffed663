"""The subject's own colours at its soft edge, free of the old background's light.

Blur fusion after Forte, "Approximate fast foreground colour estimation", ICIP 2021: passes of box
blurs, here at a bounded size, with a third pass, and with the purest pixels leading in the first.
pymatting's multi-level method would do as well, but compiles for long at its first import.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.composite.checks import check_pair

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

_SIDE = 1024  # longest side at which the blurs run
_RADII = (10, 4, 2)  # of the passes, in pixels there
_PURITY = 2  # in the first pass, pixels of alpha 0.5 count by 0.5 ** 2 less than pure ones
_TINY = 1e-5


def estimate_foreground(image: ByteArray, alpha: FloatArray) -> ByteArray:
    """The colours the subject would have without the background shining through.

    Args:
        image: uint8 (H, W, 3), RGB.
        alpha: float32 (H, W), 0..1.

    Returns:
        uint8 (H, W, 3), RGB: the photo itself, changed only where 0 < alpha < 1.

    Raises:
        ValueError: an array of another shape, dtype or range.
    """
    check_pair(image, alpha)
    result = image.copy()
    soft = (alpha > 0) & (alpha < 1)
    if not soft.any():
        return result
    window = _window(soft)
    rows, columns = np.nonzero(soft[window])
    part, part_alpha = image[window], alpha[window]
    subject, behind = _blur_fusion(part, part_alpha)
    size = part_alpha.shape
    share = part_alpha[rows, columns][:, None]
    colours = part[rows, columns].astype(np.float32) / 255
    near = _at(subject, rows, columns, size)
    far = _at(behind, rows, columns, size)
    # What the two smooth estimates leave unexplained of the photo goes to the subject.
    estimate = near + share * (colours - share * near - (1 - share) * far)
    result[window][rows, columns] = np.rint(np.clip(estimate, 0, 1) * 255).astype(np.uint8)
    return result


def _window(soft: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of the soft pixels with the blurs' reach around them."""
    spans = []
    for profile in (soft.any(axis=1), soft.any(axis=0)):
        hits = np.flatnonzero(profile)
        reach = sum(_RADII) * max(1.0, (hits[-1] - hits[0] + 1) / _SIDE)
        margin = int(np.ceil(reach))
        spans.append(slice(max(int(hits[0]) - margin, 0), int(hits[-1]) + 1 + margin))
    return spans[0], spans[1]


def _blur_fusion(image: ByteArray, alpha: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Smooth colours of the subject and of what is behind it, float32 (h, w, 3), 0..1."""
    height, width = alpha.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    opaque = np.rint(alpha * 255).astype(np.uint8)
    front, front_weight = _weighted(image, opaque, size)
    back, back_weight = _weighted(image, 255 - opaque, size)
    mixed = front + back  # alpha's share and the rest add up to the photo
    trust_front, trust_back = front_weight**_PURITY, back_weight**_PURITY
    smooth_front, smooth_back = front, back
    for radius in _RADII:
        smooth_front = _mean(front, front_weight, trust_front, radius)
        smooth_back = _mean(back, back_weight, trust_back, radius)
        unexplained = mixed - front_weight * smooth_front - back_weight * smooth_back
        front = np.clip(smooth_front + front_weight * unexplained, 0, 1) * front_weight
        back = np.clip(smooth_back + back_weight * unexplained, 0, 1) * back_weight
        trust_front = trust_back = np.ones_like(front_weight)  # both are unmixed from now on
    return smooth_front.astype(np.float32), smooth_back.astype(np.float32)


def _weighted(
    image: ByteArray, weight: ByteArray, size: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """Area averages of image * weight, (h, w, 3), and of the weight, (h, w, 1), both 0..1."""
    product = cv2.multiply(image, cv2.merge([weight, weight, weight]), scale=1 / 255)
    small = cv2.resize(product, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    small_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(small, dtype=np.float32), np.asarray(
        small_weight[..., None], dtype=np.float32
    )


def _mean(
    weighted: NDArray[np.floating], weight: FloatArray, trust: FloatArray, radius: int
) -> NDArray[np.floating]:
    """Mean colour of each surroundings, (h, w, 3), by weight and trust."""
    return _box(weighted * trust, radius) / (_box(weight * trust, radius) + _TINY)


def _box(array: NDArray[np.floating], radius: int) -> FloatArray:
    side = 2 * radius + 1
    blurred = cv2.blur(array, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32).reshape(array.shape)


def _at(
    field: FloatArray, rows: NDArray[np.int64], columns: NDArray[np.int64], size: tuple[int, int]
) -> FloatArray:
    """Values (N, 3) of a small field at pixels of the picture: the nearest, as it is smooth."""
    small_rows = rows * field.shape[0] // size[0]
    small_columns = columns * field.shape[1] // size[1]
    return np.asarray(field[small_rows, small_columns])
