"""From hints to pixels: which are marked, and how a mask respects them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from vx_detectron.interactive.hints import Hints, Kind, Point
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Window

_KEEP, _DROP = 1, 2
_VALUES: dict[Kind, int] = {"keep": _KEEP, "drop": _DROP}
_SHIFT = 4  # binary digits of a pixel's fraction that OpenCV draws with


def draw(
    hints: Hints,
    image_size: tuple[int, int],
    size: tuple[int, int] | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[BoolArray, BoolArray]:
    """The pixels under points and strokes; where they overlap, the later mark counts.

    A point marks the pixel that it lies in. A stroke marks what OpenCV draws as a line of its
    width with round ends, at least one pixel wide.

    Args:
        hints: in pixels of the photo.
        image_size: height and width of the photo.
        size: another height and width at which to draw the whole photo.
        check: called before each stroke; whatever it raises ends the work.

    Returns:
        ``keep`` and ``drop``, bool (height, width), nowhere both.
    """
    labels = np.zeros(size or image_size, dtype=np.uint8)
    scale = labels.shape[1] / image_size[1], labels.shape[0] / image_size[0]
    _dot(labels, hints.keep, scale, _KEEP)
    _dot(labels, hints.drop, scale, _DROP)
    for stroke in hints.strokes:
        check()
        width = stroke.width * float(np.sqrt(scale[0] * scale[1]))
        _line(labels, stroke.points, scale, width, _VALUES[stroke.kind])
    return labels == _KEEP, labels == _DROP


def obey(alpha: FloatArray, keep: BoolArray, drop: BoolArray) -> None:
    """Set an alpha mask, float32 (H, W), to 1 under ``keep`` and to 0 under ``drop``, in place."""
    alpha[keep] = 1.0
    alpha[drop] = 0.0


def box_window(hints: Hints, image_size: tuple[int, int], size: tuple[int, int]) -> Window | None:
    """Rows and columns within the box of a photo drawn at ``size``; at least one pixel each."""
    if hints.box is None:
        return None
    spans = []
    for axis in (1, 0):
        scale = size[1 - axis] / image_size[1 - axis]
        start = min(max(int(np.floor(hints.box[axis] * scale)), 0), size[1 - axis] - 1)
        stop = max(min(int(np.ceil(hints.box[axis + 2] * scale)), size[1 - axis]), start + 1)
        spans.append(slice(start, stop))
    return spans[0], spans[1]


def _dot(
    labels: ByteArray, points: tuple[Point, ...], scale: tuple[float, float], value: int
) -> None:
    """Mark the pixels that the points lie in; the far border belongs to the last pixel."""
    height, width = labels.shape
    for x, y in points:
        row, column = int(y * scale[1]), int(x * scale[0])
        if 0 <= row <= height and 0 <= column <= width:
            labels[min(row, height - 1), min(column, width - 1)] = value


def _line(
    labels: ByteArray,
    points: tuple[Point, ...],
    scale: tuple[float, float],
    width: float,
    value: int,
) -> None:
    """Draw a polyline with a round brush."""
    # OpenCV counts from the centre of the first pixel.
    corners = (np.array(points) * scale - 0.5) * 2**_SHIFT
    corners = np.rint(corners).astype(np.int32)
    if len(corners) == 1:
        corners = np.repeat(corners, 2, axis=0)
    # It makes a line of an even width one pixel wider, and one of an odd width two.
    thickness = max(1, 2 * round(width / 2)) if width >= 1.5 else 1
    cv2.polylines(
        labels, [corners[:, None]], isClosed=False, color=value, thickness=thickness, shift=_SHIFT
    )
