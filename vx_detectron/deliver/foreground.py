"""The subject's own colours along its edge, free of the old background's light.

A photo's edges are softer than a mask's: the outermost pixels of the subject are mixed, too, even
where alpha says 1. So colours are taken from a few pixels deeper, on both sides, and each pixel is
judged by its own colour: the nearer to the background's, the more it gives way to the subject's.
"""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.deliver.checks import check_pair
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, IntArray, RealArray

_SIDE = 1024  # longest side at which colours are gathered
# Chosen on composites with known colours; the lengths are pixels there.
_RIM = 2  # how far mixed colours reach on either side of the edge
_PURITY = 8  # a pixel of alpha 0.5 counts by 0.5 ** 8 less than a pure one
_IN_RIM = 0.01  # a pixel in the rim counts by that less, but alone where all is too thin
_RADII = (20, 10, 4, 2)  # of the surroundings that colours are gathered in
_ENOUGH = 0.05  # share of pure pixels from which a surroundings speaks for itself
_AT_ONCE = 2**16  # pixels, for the sake of memory
_SAME = 1e-3  # squared distance of two colours (0..1) that cannot be told apart


def estimate_foreground(
    image: ByteArray, alpha: FloatArray, shown: ByteArray | None = None
) -> ByteArray:
    """The colours the subject would have without the background shining through.

    Args:
        image: uint8 (H, W, 3), RGB.
        alpha: float32 (H, W), 0..1.
        shown: uint8 (H, W), how much a pixel's colour says, 0..255: of a transparent one nothing.

    Returns:
        uint8 (H, W, 3), RGB: the photo itself, changed only where 0 < alpha < 1 and, fading
        out, within 2 pixels of there (2/1024 of the longer side in a large photo). An alpha of
        zeros and ones only is taken for exact and changes nothing.

    Raises:
        ValueError: an array of another shape, dtype or range.
    """
    check_pair(image, alpha)
    soft = (alpha > 0) & (alpha < 1)
    if not soft.any():
        return image.copy()
    window = _window(soft)
    part, part_alpha = image[window], alpha[window]
    subject, behind, rim = _surroundings(part, part_alpha, None if shown is None else shown[window])
    height, width = part_alpha.shape
    mixed = cv2.resize(rim, (width, height), interpolation=cv2.INTER_LINEAR)
    result = image.copy()
    pixels = np.flatnonzero((mixed > 0) & (part_alpha > 0))
    for some in np.array_split(pixels, len(pixels) // _AT_ONCE + 1):
        rows, columns = np.divmod(some, width)
        near, far = (_at(field, rows, columns, (height, width)) for field in (subject, behind))
        colours = part[rows, columns].astype(np.float32) / 255
        share = _share(colours, near, far)
        # What the two smooth colours leave unexplained of the photo goes to the subject.
        unexplained = colours - share * near - (1 - share) * far
        own = near + part_alpha[rows, columns][:, None] * unexplained
        estimate = colours + mixed[rows, columns][:, None] / np.float32(255) * (own - colours)
        result[window][rows, columns] = np.rint(np.clip(estimate, 0, 1) * 255).astype(np.uint8)
    return result


def _window(soft: BoolArray) -> tuple[slice, slice]:
    """Rows and columns of the soft pixels with the colours' reach around them."""
    spans = []
    for profile in (soft.any(axis=1), soft.any(axis=0)):
        hits = np.flatnonzero(profile)
        reach = (_RIM + max(_RADII)) * max(1.0, (hits[-1] - hits[0] + 1) / _SIDE)
        margin = int(np.ceil(reach))
        spans.append(slice(max(int(hits[0]) - margin, 0), int(hits[-1]) + 1 + margin))
    return spans[0], spans[1]


def _surroundings(
    image: ByteArray, alpha: FloatArray, shown: ByteArray | None
) -> tuple[FloatArray, FloatArray, ByteArray]:
    """Smooth colours of the subject and of what is behind it, and where they are mixed.

    Returns:
        float32 (h, w, 3) twice, 0..1, at a bounded size; and uint8 (h, w), 255 where alpha is below
        1, falling to 0 within the rim.
    """
    height, width = alpha.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    opaque: ByteArray = np.asarray(cv2.convertScaleAbs(alpha, alpha=255), np.uint8)  # rounds
    kept = cv2.resize(opaque, size, interpolation=cv2.INTER_AREA)
    solid = (kept == 255).astype(np.uint8)
    subject = _gather(*_weighted(image, _times(opaque, shown), size))
    behind = _gather(*_weighted(image, _times(255 - opaque, shown), size))
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, cv2.DIST_MASK_5)
    rim = np.clip(1 - (depth - 1) / _RIM, 0, 1)
    # A quarter of the memory, once it is enlarged.
    return subject, behind, np.rint(rim * 255).astype(np.uint8)


def _times(weight: ByteArray, shown: ByteArray | None) -> ByteArray:
    return weight if shown is None else np.asarray(cv2.multiply(weight, shown, scale=1 / 255))


def _weighted(
    image: ByteArray, weight: ByteArray, size: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """Area averages of image * weight, (h, w, 3), and of the weight, (h, w, 1), both 0..1."""
    # One colour after the other, for the sake of memory.
    products = (cv2.multiply(cv2.extractChannel(image, c), weight, scale=1 / 255) for c in range(3))
    layers = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (*products, weight)]
    small = np.asarray(np.dstack(layers), dtype=np.float32) / np.float32(255)
    return small[..., :3], small[..., 3:]


def _gather(weighted: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean colour, (h, w, 3), of the smallest surroundings with enough unmixed pixels."""
    side = 2 * _RIM + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    purity = weight**_PURITY
    trust = np.maximum(cv2.erode(purity, kernel)[..., None], _IN_RIM * purity)
    colours, counts = weighted * trust, weight * trust
    mean: FloatArray = colours.sum(axis=(0, 1)) / np.float32(max(float(counts.sum()), 1e-6))
    for radius in _RADII:
        total = _box(colours, radius)
        total += np.float32(_ENOUGH) * mean
        total /= _box(counts, radius) + np.float32(_ENOUGH)
        mean = total
    return mean


def _share(colours: RealArray, near: FloatArray, far: FloatArray) -> FloatArray:
    """How much of each colour is the subject's, (n, 1), 0..1, on the line between the two."""
    line = near - far
    along = ((colours - far) * line).sum(axis=1, keepdims=True)
    length = (line * line).sum(axis=1, keepdims=True)
    return np.asarray(np.clip((along + _SAME) / (length + _SAME), 0, 1), dtype=np.float32)


def _box(array: RealArray, radius: int) -> FloatArray:
    side = 2 * radius + 1
    blurred = cv2.blur(array, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32).reshape(array.shape)


def _at(field: FloatArray, rows: IntArray, columns: IntArray, size: tuple[int, int]) -> FloatArray:
    """Values (N, 3) of a small field at pixels of the picture: the nearest, as it is smooth."""
    small_rows = rows * field.shape[0] // size[0]
    small_columns = columns * field.shape[1] // size[1]
    return np.asarray(field[small_rows, small_columns])
