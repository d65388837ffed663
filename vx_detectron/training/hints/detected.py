"""A thing as a detector might have drawn it: on a coarse grid, with parts missing or too many.

A first click begins with such a mask where the detector saw something under it, so the decoder has
to learn how far to trust one.
"""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, FloatArray

_GRID = 28  # cells on a side, as Mask R-CNN's masks have
_BOX_JITTER = 0.03  # of a side of the box, standard deviation
_MOST_PATCHES = 2
_PATCH_SIDES = 0.06, 0.25  # half axes, in sides of the box
_MISSING = 0.55  # share of the patches that take something away
_BLURS = 0.5, 1.3  # in cells
_STEEPNESS = 3.0, 9.0  # of the mask's edge, in log-odds from 0 to 1
_SHIFT = 0.05  # of the edge, standard deviation, in probabilities


def as_detected(inside: BoolArray, random: np.random.Generator) -> FloatArray:
    """The mask of a thing, disturbed.

    Args:
        inside: bool (H, W), the thing; not empty.
        random: decides how.

    Returns:
        float32 (H, W), 0..1, and 0 outside of a box around the thing.
    """
    drawn = inside.astype(np.float32)
    rows, columns = np.nonzero(inside)
    sides = np.ptp(columns) + 1, np.ptp(rows) + 1
    for _ in range(random.integers(_MOST_PATCHES + 1)):
        place = random.integers(len(rows))
        axes = [max(2, int(side * random.uniform(*_PATCH_SIDES))) for side in sides]
        value = float(random.random() >= _MISSING)
        centre = int(columns[place]), int(rows[place])
        cv2.ellipse(drawn, centre, axes, random.uniform(0, 180), 0, 360, value, -1)
    box = tuple(_jittered(places, random, length) for places, length in
                zip((rows, columns), inside.shape, strict=True))  # fmt: skip
    grid = cv2.resize(drawn[box], (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    grid = cv2.GaussianBlur(grid, (0, 0), random.uniform(*_BLURS))
    edge = 0.5 + random.normal(0, _SHIFT)
    grid = 1 / (1 + np.exp(-random.uniform(*_STEEPNESS) * (grid - edge)))
    coarse = np.zeros(inside.shape, dtype=np.float32)
    size = box[1].stop - box[1].start, box[0].stop - box[0].start
    coarse[box] = cv2.resize(grid.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return coarse


def _jittered(places: np.ndarray, random: np.random.Generator, length: int) -> slice:
    """The span of some rows or columns, as a box might have it."""
    first, last = int(places.min()), int(places.max()) + 1
    shift = random.normal(0, _BOX_JITTER, 2) * (last - first)
    start = min(max(int(first + shift[0]), 0), length - 1)
    return slice(start, min(max(int(last + shift[1]), start + 1), length))
