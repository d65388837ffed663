"""A simulated person who corrects a mask by clicks, as in the literature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, FloatArray

MOST_CLICKS = 20


@dataclass(frozen=True)
class Click:
    """One click.

    Attributes:
        keep: whether what lies there belongs to the cut.
        row: of the pixel.
        column: of the pixel.
    """

    keep: bool
    row: int
    column: int


def next_click(truth: BoolArray, mask: BoolArray, clicks: list[Click]) -> Click:
    """Where the simulated person clicks: in the middle of the largest error.

    Of the pixels that are wrong, missing or too many, the one that lies deepest among its kind,
    the photo's border being an edge; no pixel is clicked twice. As in RITM (Sofiiuk, Petrov,
    Konushin, 2021) and FocalClick (Chen et al., 2022).

    Args:
        truth: bool (H, W).
        mask: bool (H, W), the cut so far, which is not the truth.
        clicks: those before.
    """
    free = np.ones(truth.shape, dtype=np.bool_)
    for click in clicks:
        free[click.row, click.column] = False
    missing = _depth(truth & ~mask) * free
    surplus = _depth(~truth & mask) * free
    keep = bool(missing.max() > surplus.max())
    depth = missing if keep else surplus
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return Click(keep, int(row), int(column))


def simulate(
    truth: BoolArray,
    cut: Callable[[list[Click]], BoolArray],
    start: BoolArray | None = None,
    *,
    enough: float = 1.0,
    least: int = 0,
    most: int = MOST_CLICKS,
) -> list[float]:
    """Click until the mask is good and there are a few clicks, or there are enough of them.

    Args:
        truth: bool (H, W), not empty.
        cut: the mask that some clicks make, bool (H, W), by all of them in their order.
        start: bool (H, W), the mask before the first click; None for none.
        enough: the IoU at which the person stops, after ``least`` clicks.
        least: so many clicks there are, unless nothing is left to correct.
        most: the most clicks.

    Returns:
        The IoU before the first click, and after each.
    """
    mask = np.zeros_like(truth) if start is None else start
    scores, clicks = [iou(mask, truth)], list[Click]()
    while len(clicks) < most and scores[-1] < (1.0 if len(clicks) < least else enough):
        clicks.append(next_click(truth, mask, clicks))
        mask = cut(clicks)
        scores.append(iou(mask, truth))
    return scores


def iou(mask: BoolArray, truth: BoolArray) -> float:
    """Intersection over union; 1 for two empty masks."""
    union = int(np.count_nonzero(mask | truth))
    return int(np.count_nonzero(mask & truth)) / union if union else 1.0


def _depth(where: BoolArray) -> FloatArray:
    """How deep each pixel lies in its part, in pixels."""
    padded = np.pad(where, 1).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth[1:-1, 1:-1], dtype=np.float32)
