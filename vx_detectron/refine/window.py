"""The part of a photo around the subject, so that no work is spent on the rest."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vx_detectron.refine.distance import THRESHOLD
from vx_detectron.structures import FloatArray, Window

# Windows of larger photos begin and end at multiples of so many pixels: they can be halved.
_LARGE, _STEP = 1024, 8


def surroundings(boxes: FloatArray, margin: float, photo: tuple[int, int]) -> Window | None:
    """Rows and columns of some boxes with a margin around them.

    Args:
        boxes: float32 (N, 4), x0, y0, x1, y1 in pixels of the photo.
        margin: in pixels.
        photo: its height and width, at which the window ends.

    Returns:
        The window; None when nothing of it lies in the photo.
    """
    spans = []
    step = _STEP if max(photo) > _LARGE else 1
    for axis, length in ((1, photo[0]), (0, photo[1])):
        start = max(math.floor((boxes[:, axis].min() - margin) / step) * step, 0)
        stop = min(math.ceil((boxes[:, axis + 2].max() + margin) / step) * step, length)
        spans.append(slice(start, stop))
    rows, columns = spans
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def lit_box(field: FloatArray, photo: tuple[int, int]) -> FloatArray:
    """The box around all of a map from 0.5 up.

    Args:
        field: float32 (h, w), 0..1, over the whole photo.
        photo: its height and width.

    Returns:
        float32 (1, 4), x0, y0, x1, y1 in pixels of the photo; (0, 4) where nothing is lit.
    """
    lit = field >= THRESHOLD
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if not len(rows):
        return np.zeros((0, 4), dtype=np.float32)
    y, x = photo[0] / field.shape[0], photo[1] / field.shape[1]
    box = [columns[0] * x, rows[0] * y, (columns[-1] + 1) * x, (rows[-1] + 1) * y]
    return np.array([box], dtype=np.float32)


def window_size(window: Window) -> tuple[int, int]:
    """Its height and width, in pixels of the photo."""
    return window[0].stop - window[0].start, window[1].stop - window[1].start


def bounded_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Height and width, shrunk if necessary so that the long side is at most ``longest``."""
    scale = min(1.0, longest / max(size))
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def sample(
    field: FloatArray, photo: tuple[int, int], window: Window, size: tuple[int, int]
) -> FloatArray:
    """A field over a whole photo, seen through a window, at another size.

    Beyond its outermost pixel centres the field keeps their values: the photo's border is not an
    edge of the subject.

    Args:
        field: float32 (h, w), over the whole photo.
        photo: its height and width.
        window: the part of the photo to show.
        size: height and width of the result.

    Returns:
        float32 of that size, bilinear.
    """
    matrix = np.zeros((2, 3))
    for row, axis in ((0, 1), (1, 0)):
        step = window_size(window)[axis] / size[axis]  # photo pixels per result pixel
        shrink = field.shape[axis] / photo[axis]
        matrix[row, row] = step * shrink
        # pixel centres: result x lies at photo window.start + (x + 0.5) * step
        matrix[row, 2] = (window[axis].start + 0.5 * step) * shrink - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sampled = cv2.warpAffine(
        field, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, dtype=np.float32)
