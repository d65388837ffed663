"""From a frame and its mask to the finished picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.deliver import Background, Blur, Transparent, compose, mask_picture
from vx_detectron.deliver.paint import paint
from vx_detectron.deliver.placement import Layout
from vx_detectron.refine.edge import sharpen
from vx_detectron.structures import ByteArray, FloatArray

_EDGE = 2.0  # width of the edge where the frame shows none, in pixels
_LIVE_EDGE = 3.0
_BLUR_SIDE = 320  # longest side at which the live background is blurred


@dataclass(frozen=True)
class Crop:
    """A part of every frame, in its pixels, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int


def whole(height: int, width: int) -> Layout:
    """A canvas that is the frame itself."""
    return Layout(width, height, 1.0, 0, 0, (height, width), (slice(0, height), slice(0, width)))


def full_alpha(image: ByteArray, mask: FloatArray) -> FloatArray:
    """The mask at the frame's size, its edge along the frame's colours.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: float32 (h, w), 0..1, not larger.

    Returns:
        float32 (H, W), 0..1.
    """
    if not (mask >= 0.5).any():
        return np.zeros(image.shape[:2], dtype=np.float32)
    size = mask.shape[1], mask.shape[0]
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return sharpen(image, small, mask, _EDGE)


def finished(
    image: ByteArray, mask: FloatArray, background: Background, crop: Crop | None, mask_only: bool
) -> ByteArray:
    """The picture of one frame.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: float32 (h, w), 0..1, not larger.
        background: of the frame's size, if it is a picture.
        crop: the part of it that is wanted.
        mask_only: the mask as a grey picture instead.

    Returns:
        uint8 (H, W) for the mask, (H, W, 4) RGBA for ``Transparent``, else (H, W, 3) RGB.
    """
    alpha = full_alpha(image, mask)
    picture = mask_picture(alpha) if mask_only else compose(image, alpha, background)
    if crop is None:
        return picture
    return np.ascontiguousarray(picture[crop.top : crop.bottom, crop.left : crop.right])


def smooth_alpha(mask: FloatArray, size: tuple[int, int]) -> FloatArray:
    """The mask at another height and width, its edge a few pixels wide, 0 and 1 elsewhere.

    Args:
        mask: float32 (h, w), 0..1.
        size: not smaller.

    Returns:
        float32 of that size, 0..1.
    """
    large = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_LINEAR)
    steep = max(size[1] / mask.shape[1] * 2 / _LIVE_EDGE, 1.2)
    return np.asarray(np.clip((large - 0.5) * steep + 0.5, 0, 1), dtype=np.float32)


def quickly(image: ByteArray, mask: FloatArray, background: Background) -> ByteArray:
    """As ``finished``, in a few milliseconds: the edge is smooth, colours are not unmixed.

    Returns:
        uint8 (H, W, 3), RGB; ``Transparent`` shows as black.
    """
    height, width = image.shape[:2]
    alpha = smooth_alpha(mask, (height, width))
    if isinstance(background, Transparent):
        behind = np.zeros_like(image)
    elif isinstance(background, Blur):
        behind = _blurred(image, mask, background)
    else:
        behind = paint(background, image, alpha, whole(height, width))
    share = cv2.merge([cv2.convertScaleAbs(alpha, alpha=255)] * 3)
    front = cv2.multiply(image, share, scale=1 / 255)
    return np.asarray(cv2.add(front, cv2.multiply(behind, 255 - share, scale=1 / 255)))


def _blurred(image: ByteArray, mask: FloatArray, background: Blur) -> ByteArray:
    height, width = image.shape[:2]
    scale = min(1.0, _BLUR_SIDE / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    share = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    free = np.asarray(np.clip(share, 0, 1), dtype=np.float32)
    blurred = paint(background, small, free, whole(size[1], size[0]))
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))


def common_crop(
    boxes: list[tuple[float, float, float, float]], size: tuple[int, int], margin: float
) -> Crop | None:
    """One box around the subject in all frames.

    Args:
        boxes: top, bottom, left, right as shares of the frame's sides.
        size: height and width of the frames.
        margin: as a share of the box's longer side.

    Returns:
        The box, with even sides; None where there is no subject.
    """
    if not boxes:
        return None
    height, width = size
    top, left = (min(box[i] for box in boxes) * side for i, side in ((0, height), (2, width)))
    bottom, right = (max(box[i] for box in boxes) * side for i, side in ((1, height), (3, width)))
    space = margin * max(bottom - top, right - left)
    rows, columns = (
        _span(top - space, bottom + space, height),
        _span(left - space, right + space, width),
    )
    return Crop(*rows, *columns)


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    first, last = max(int(np.floor(start)), 0), min(int(np.ceil(end)), length)
    if (last - first) % 2:  # the codecs want even sides
        if last < length:
            last += 1
        elif first > 0:
            first -= 1
    return first, last
