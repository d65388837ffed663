"""Small helpers for maps over a frame: sizes, log-odds, overlaps, appearances."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, ByteArray, FloatArray

_LIMIT = 1e-3
_HUES, _SATURATIONS, _VALUES = 12, 4, 4


def working_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width with that longest side, or the frame's own where it is smaller."""
    scale = min(1.0, side / max(height, width))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def resized(field: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """Bilinear, to (height, width)."""
    if field.shape == size:
        return field
    return np.asarray(
        cv2.resize(field, (size[1], size[0]), interpolation=cv2.INTER_LINEAR), dtype=np.float32
    )


def logit(probability: FloatArray, limit: float) -> FloatArray:
    """Log-odds within -limit..limit."""
    clipped = np.clip(probability, _LIMIT, 1 - _LIMIT)
    return np.asarray(np.clip(np.log(clipped / (1 - clipped)), -limit, limit), dtype=np.float32)


def probability(log_odds: FloatArray) -> FloatArray:
    """The inverse of ``logit``."""
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float32)


def iou(first: BoolArray, second: BoolArray) -> float:
    """Intersection over union; 0 where both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second)) / union if union else 0.0


def share_within(mask: BoolArray, other: BoolArray) -> float:
    """The share of a mask that lies in another one; 0 for an empty mask."""
    area = np.count_nonzero(mask)
    return float(np.count_nonzero(mask & other)) / area if area else 0.0


def grown(mask: BoolArray, reach: float) -> BoolArray:
    """The mask and everything within ``reach`` pixels of it."""
    side = 2 * max(round(reach), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def box_of(mask: BoolArray) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right of what is inside, ends exclusive; None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def centre_and_size(mask: BoolArray) -> tuple[FloatArray, float]:
    """Where its middle is, (x, y), and the root of its area; the mask is not empty."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()], np.float32), math.sqrt(len(rows))


def palette(image: ByteArray, mask: BoolArray) -> FloatArray:
    """The colours under a mask: float32, shares of hue, saturation and brightness, sum 1.

    Args:
        image: uint8 (h, w, 3), RGB.
        mask: bool (h, w), not empty.
    """
    colours = cv2.cvtColor(image[mask][None], cv2.COLOR_RGB2HSV)
    found = cv2.calcHist(
        [colours], [0, 1, 2], None, [_HUES, _SATURATIONS, _VALUES], [0, 180, 0, 256, 0, 256]
    )
    return np.asarray(found / max(float(found.sum()), 1.0), dtype=np.float32)


def likeness(first: FloatArray, second: FloatArray) -> float:
    """How alike two palettes are, 0..1 (Bhattacharyya's coefficient)."""
    return float(np.sqrt(first * second).sum())
