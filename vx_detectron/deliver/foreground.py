"""The subject's own colours along its edge, without the old background.

A photo's edges are softer than a mask's: the outermost pixels of the subject are mixed, too, even
where alpha says 1. So colours are taken from a few pixels deeper, on both sides, and each pixel is
judged by its own colour: the nearer to the background's, the more it gives way to the subject's.
"""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.deliver.checks import check_pair
from vx_detectron.image_io import area_average
from vx_detectron.structures import BoolArray, ByteArray, DoubleArray, FloatArray, IntArray

_SIDE = 1024  # longest side at which colours are gathered
# Chosen on composites with known colours; the lengths are pixels there.
_RIM = 2  # how far mixed colours reach on either side of the edge
_PURITY = 8  # a power of two; a pixel of alpha 0.5 counts by 0.5 ** 8 less than a pure one
_IN_RIM = 0.01  # a pixel in the rim counts by that less, but alone where all is too thin
_RADII = (20, 10, 4, 2)  # of the surroundings that colours are gathered in
_ENOUGH = 0.05  # share of pure pixels from which a surroundings speaks for itself
_AT_ONCE = 2**16  # pixels, for the sake of memory
_STEP = 8  # pixels; the window that is worked on begins and ends at their multiples
_SAME = 1e-3  # squared distance of two colours (0..1) that cannot be told apart


def estimate_foreground(
    image: ByteArray, alpha: FloatArray, shown: ByteArray | None = None
) -> ByteArray:
    """The colours the subject would have without the background showing through.

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
    size = part_alpha.shape
    small = _small_size(size)
    opaque: ByteArray = np.asarray(cv2.convertScaleAbs(part_alpha, alpha=255), np.uint8)  # rounds
    mixed = cv2.resize(_rim(opaque, small), size[::-1], interpolation=cv2.INTER_LINEAR)
    pixels = np.flatnonzero((mixed > 0) & (part_alpha > 0))
    places, position = _places(pixels, size, small)
    seen = None if shown is None else shown[window]
    whole = _weighted(part, seen, small)
    kept = _weighted(part, opaque if seen is None else _times(opaque, seen), small)
    rest = np.asarray(cv2.subtract(whole, kept), dtype=np.uint8)
    subject, behind = _gather(kept, places), _gather(rest, places)
    result = image.copy()
    for start in range(0, len(pixels), _AT_ONCE):
        some, where = pixels[start : start + _AT_ONCE], position[start : start + _AT_ONCE]
        rows, columns = np.divmod(some, size[1])
        near, far = subject.take(where, axis=0), behind.take(where, axis=0)
        colours = part[rows, columns] * np.float32(1 / 255)
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
        # A large window can be halved.
        start = (max(int(hits[0]) - margin, 0)) // _STEP * _STEP
        spans.append(slice(start, -(-(int(hits[-1]) + 1 + margin) // _STEP) * _STEP))
    return spans[0], spans[1]


def _small_size(size: tuple[int, ...]) -> tuple[int, int]:
    """Height and width at which colours are gathered."""
    scale = min(1.0, _SIDE / max(size))
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _rim(opaque: ByteArray, size: tuple[int, int]) -> ByteArray:
    """Where colours are mixed, uint8 of that size: 255 where alpha is below 1, 0 beyond the rim."""
    kept = area_average(opaque, size)
    solid = (kept == 255).view(np.uint8)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(cv2.convertScaleAbs(np.clip(1 - (depth - 1) / _RIM, 0, 1), alpha=255))


def _places(
    pixels: IntArray, size: tuple[int, ...], small: tuple[int, int]
) -> tuple[IntArray, IntArray]:
    """The pixels of the small picture that some of the large one need, and which is whose.

    Colours there are smooth, so the nearest one will do.

    Returns:
        flat positions (n,) in the small picture, and for each of the pixels its place among them.
    """
    if small == size:
        return pixels, np.arange(len(pixels))
    rows, columns = np.divmod(pixels, size[1])
    nearest = rows * small[0] // size[0] * small[1] + columns * small[1] // size[1]
    wanted = np.zeros(small[0] * small[1], dtype=np.bool_)
    wanted[nearest] = True
    return np.flatnonzero(wanted), (np.cumsum(wanted) - 1)[nearest]


def _times(one: ByteArray, other: ByteArray) -> ByteArray:
    return np.asarray(cv2.multiply(one, other, scale=1 / 255), dtype=np.uint8)


def _weighted(image: ByteArray, weight: ByteArray | None, size: tuple[int, int]) -> ByteArray:
    """Area averages of image * weight and of the weight, uint8 (h, w, 4); without one it is 255."""
    if weight is None:
        small = area_average(image, size)
        return np.asarray(cv2.merge([*cv2.split(small), np.full(size, 255, np.uint8)]))
    # One colour after the other, for the sake of memory.
    channels = (np.asarray(cv2.extractChannel(image, c), dtype=np.uint8) for c in range(3))
    products = (_times(channel, weight) for channel in channels)
    return np.asarray(cv2.merge([area_average(one, size) for one in (*products, weight)]))


def _gather(weighted: ByteArray, places: IntArray) -> FloatArray:
    """Mean colours, (n, 3), of the smallest surroundings with enough unmixed pixels.

    Args:
        weighted: see ``_weighted``.
        places: the flat positions of the pixels whose surroundings are wanted.
    """
    layers = [channel * np.float32(1 / 255) for channel in cv2.split(weighted)]
    weight = layers[3]
    side = 2 * _RIM + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    purity = weight
    for _ in range(_PURITY.bit_length() - 1):
        purity = purity * purity
    trust = np.maximum(cv2.erode(purity, kernel), np.float32(_IN_RIM) * purity)
    trusted = cv2.merge([cv2.multiply(layer, trust) for layer in layers])
    whole = cv2.sumElems(trusted)
    mean: FloatArray = np.array(whole[:3], dtype=np.float32) / np.float32(max(whole[3], 1e-6))
    reach = max(_RADII)
    framed = cv2.copyMakeBorder(trusted, *(reach,) * 4, borderType=cv2.BORDER_REPLICATE)
    sums = np.asarray(cv2.integral(framed, sdepth=cv2.CV_64F), dtype=np.float64)
    rows, columns = np.divmod(places, weight.shape[1])
    for radius in _RADII:
        total = _box(sums, rows + reach, columns + reach, radius)
        mean = (total[:, :3] + np.float32(_ENOUGH) * mean) / (total[:, 3:] + np.float32(_ENOUGH))
    return np.broadcast_to(mean, (len(places), 3))


def _share(colours: FloatArray, near: FloatArray, far: FloatArray) -> FloatArray:
    """How much of each colour is the subject's, (n, 1), 0..1, on the line between the two."""
    line = near - far
    along = ((colours - far) * line).sum(axis=1, keepdims=True)
    length = (line * line).sum(axis=1, keepdims=True)
    return np.asarray(np.clip((along + _SAME) / (length + _SAME), 0, 1), dtype=np.float32)


def _box(sums: DoubleArray, rows: IntArray, columns: IntArray, radius: int) -> FloatArray:
    """Means (n, channels) in squares around some pixels, from the picture's integral."""
    flat, width = sums.reshape(-1, sums.shape[2]), sums.shape[1]
    top, bottom = (rows - radius) * width, (rows + radius + 1) * width
    left, right = columns - radius, columns + radius + 1
    # `take` is much faster here than square brackets.
    inside = flat.take(bottom + right, axis=0)
    inside -= flat.take(bottom + left, axis=0)
    inside -= flat.take(top + right, axis=0)
    inside += flat.take(top + left, axis=0)
    return np.asarray(inside / (2 * radius + 1) ** 2, dtype=np.float32)
