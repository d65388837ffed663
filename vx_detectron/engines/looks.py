"""How an eye looks at a photo: at which sizes, mirrored or not, and again, closer or from afar.

NumPy and OpenCV only: every eye, whatever runs its network, looks through these functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vx_detectron.image_io import area_average
from vx_detectron.structures import BoolArray, ByteArray, FloatArray

Run = Callable[[ByteArray], FloatArray]
"""From the network's input, uint8 (h, w, 3) RGB, to its map, float32 (h', w'), 0..1."""

# A longer photo is seen smaller, so that a panorama costs no more than a few ordinary photos.
LONGEST = 1.6  # times the short side

# Log-odds beyond it count as it: one look that is sure must not silence the others.
CERTAIN = 7.0

# The look from farther away at what the frame cuts: larger than life, it needs less detail and
# more context.
_CUT = 0.01  # how much of the frame the subject touches
_FARTHER = 2 / 3  # of the first look's short side

# The look at the subject's own window.
_MARGIN = 0.15  # around the subject's box, of its sides
_GAIN = 1.3  # the window must show the subject so many times larger than the whole look did
_LARGEST_GAIN = 4.0  # finer than that, the window shows more pixels than context
_AGREEMENT = 0.6  # IoU of both maps within the window, below which the window is not believed
_FADE = 0.08  # of the window's sides: how softly it joins the whole


def input_size(height: int, width: int, shortest: int, multiple: int) -> tuple[int, int]:
    """Height and width at which a photo is seen: near its proportions, multiples of ``multiple``.

    >>> input_size(480, 640, 320, 32)
    (320, 416)
    """
    scale = min(shortest / min(height, width), LONGEST * shortest / max(height, width))
    return (
        max(round(height * scale / multiple), 1) * multiple,
        max(round(width * scale / multiple), 1) * multiple,
    )


def look(
    run: Run, image: ByteArray, sizes: Sequence[int], *, multiple: int = 1, zoom: bool = False
) -> FloatArray:
    """The map of a photo: the mean of some looks, finer where a look at the subject alone agrees.

    With ``zoom``, a subject that the frame cuts is looked at once more from farther away, and one
    that is small once more from nearby.

    Args:
        run: the network.
        image: uint8 (H, W, 3), RGB.
        sizes: short sides of the looks, in pixels of the network's input, at least one. Every
            second look is mirrored.
        multiple: what both sides of the network's input must be a multiple of.
        zoom: look once more at two thirds of the first size if the frame cuts the subject, and
            once more at the window around the subject if that shows it much larger.

    Returns:
        float32 (h, w), 0..1, over the whole photo, at the first look's resolution or finer.
    """
    first, *others = sizes
    logits = _once(run, image, first, multiple, mirrored=False)
    for looks, size in enumerate(others, start=1):
        _add(_once(run, image, size, multiple, mirrored=looks % 2 == 1), logits, looks)
    if zoom:
        if _is_cut(logits > 0):
            farther = _once(
                run, image, round(_FARTHER * first), multiple, mirrored=len(sizes) % 2 == 1
            )
            _add(farther, logits, len(sizes))
        logits = _zoomed(run, image, logits, first, multiple)
    return _probability(logits)


def _once(run: Run, image: ByteArray, shortest: int, multiple: int, mirrored: bool) -> FloatArray:
    """One look's log-odds."""
    height, width = input_size(image.shape[0], image.shape[1], shortest, multiple)
    seen = resize_photo(image, (height, width))
    if mirrored:
        return _logit(run(np.ascontiguousarray(seen[:, ::-1])))[:, ::-1].copy()
    return _logit(run(seen))


def _add(another: FloatArray, logits: FloatArray, looks: int) -> None:
    """Make the mean of so many looks the mean of one more, in place."""
    logits += (_resized(another, logits.shape) - logits) / np.float32(looks + 1)


def _is_cut(inside: BoolArray) -> bool:
    """Whether the frame cuts the subject off."""
    frame = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    return float(frame.mean()) >= _CUT


def resize_photo(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """The photo at another height and width: averaged where it shrinks, bilinear where it grows."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    if shrinks:
        return area_average(image, size)
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _zoomed(
    run: Run, image: ByteArray, logits: FloatArray, shortest: int, multiple: int
) -> FloatArray:
    """The log-odds on a finer grid, improved by a look at the subject's window where that agrees.

    Returns the very same array where the window would not show more.
    """
    window = _window_of(logits > 0)
    if window is None:
        return logits
    top, bottom, left, right = window
    scale_y, scale_x = image.shape[0] / logits.shape[0], image.shape[1] / logits.shape[1]
    rows = slice(math.floor(top * scale_y), math.ceil(bottom * scale_y))
    columns = slice(math.floor(left * scale_x), math.ceil(right * scale_x))
    part = image[rows, columns]
    before = input_size(image.shape[0], image.shape[1], shortest, multiple)
    after = input_size(part.shape[0], part.shape[1], shortest, multiple)
    # Magnification over the whole look; a photo has no more detail than its pixels.
    gain = math.sqrt(
        (min(after[0], part.shape[0]) * min(after[1], part.shape[1]) * image[..., 0].size)
        / (before[0] * before[1] * part[..., 0].size)
    )
    if gain < _GAIN:
        return logits
    grow = min(gain, _LARGEST_GAIN)
    fine = _resized(logits, (round(logits.shape[0] * grow), round(logits.shape[1] * grow)))
    fine_y, fine_x = fine.shape[0] / logits.shape[0], fine.shape[1] / logits.shape[1]
    view = (
        slice(round(top * fine_y), round(bottom * fine_y)),
        slice(round(left * fine_x), round(right * fine_x)),
    )
    near = _resized(_once(run, part, shortest, multiple, mirrored=False), fine[view].shape)
    if _iou(near > 0, fine[view] > 0) < _AGREEMENT:
        return logits
    weight = _fading(fine[view].shape, view, fine.shape)
    fine[view] += weight * (near - fine[view]) * np.float32(0.5)
    return fine


def _window_of(inside: BoolArray) -> tuple[int, int, int, int] | None:
    """Rows and columns of what is inside, with a margin; None where nothing is."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    margin_y = math.ceil(_MARGIN * (rows[-1] + 1 - rows[0])) + 1
    margin_x = math.ceil(_MARGIN * (columns[-1] + 1 - columns[0])) + 1
    return (
        max(int(rows[0]) - margin_y, 0),
        min(int(rows[-1]) + 1 + margin_y, inside.shape[0]),
        max(int(columns[0]) - margin_x, 0),
        min(int(columns[-1]) + 1 + margin_x, inside.shape[1]),
    )


def _fading(size: tuple[int, ...], view: tuple[slice, slice], whole: tuple[int, ...]) -> FloatArray:
    """1 inside the window, falling to 0 at those of its sides that are not the photo's."""
    ramps = []
    for length, part, end in zip(size, view, whole, strict=True):
        width = max(_FADE * length, 1.0)
        place = np.arange(length) + 0.5
        before = place / width if part.start > 0 else np.ones(length)
        after = (length - place) / width if part.stop < end else np.ones(length)
        ramps.append(np.minimum(np.minimum(before, after), 1.0))
    return np.asarray(ramps[0][:, None] * ramps[1][None, :], dtype=np.float32)


def _iou(first: BoolArray, second: BoolArray) -> float:
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second)) / union if union else 1.0


def _logit(probability: FloatArray) -> FloatArray:
    limit = 1 / (1 + math.exp(CERTAIN))
    clipped = np.clip(probability, limit, 1 - limit)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float32)


def _probability(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)


def _resized(field: FloatArray, size: tuple[int, ...]) -> FloatArray:
    resized = cv2.resize(field, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float32)
