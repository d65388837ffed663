"""How much an exported network differs from its source, on real photos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vx_detectron.structures import FloatArray, Instances

# Two engines that differ by no more are the same: pixels of the photo, score, IoU of the masks.
MOST_PIXELS, MOST_SCORE, LEAST_IOU, MOST_MAP = 0.5, 1e-3, 0.99, 1e-3

_APART = 0.5  # IoU of boxes; below it two things are not the same one


@dataclass(frozen=True)
class Difference:
    """The worst of all pairs of instances of one photo.

    Attributes:
        count: how many instances both found.
        only_one: how many only one of them found.
        boxes: the farthest that a side of a box moved, in pixels of the photo.
        scores: the largest difference of a score.
        masks: the smallest IoU of two masks.
    """

    count: int
    only_one: int
    boxes: float
    scores: float
    masks: float

    @property
    def is_small(self) -> bool:
        """Whether the two count as the same."""
        return (
            not self.only_one
            and self.boxes <= MOST_PIXELS
            and self.scores <= MOST_SCORE
            and self.masks >= LEAST_IOU
        )

    def __str__(self) -> str:
        missing = f", {self.only_one} found by one of them only" if self.only_one else ""
        if not self.count:
            return f"both found nothing{missing}"
        return (
            f"{self.count} instances, boxes within {self.boxes:.3f} px, scores within "
            f"{self.scores:.1e}, mask IoU {self.masks:.4f} or more{missing}"
        )


def difference(one: Instances, other: Instances) -> Difference:
    """Pair the instances of one photo by class and box, and compare them."""
    pairs = list(_pairs(one, other))
    boxes = [float(np.abs(one.boxes[i] - other.boxes[j]).max()) for i, j in pairs]
    scores = [abs(float(one.scores[i] - other.scores[j])) for i, j in pairs]
    masks = [_mask_iou(one, i, other, j) for i, j in pairs]
    return Difference(
        len(pairs),
        len(one) + len(other) - 2 * len(pairs),
        max(boxes, default=0.0),
        max(scores, default=0.0),
        min(masks, default=1.0),
    )


def map_difference(one: FloatArray, other: FloatArray) -> tuple[float, float]:
    """The largest and the mean difference of two maps of one photo.

    1 where their sizes differ, which is when only one of them looked at the subject again.
    """
    if one.shape != other.shape:
        return 1.0, 1.0
    apart = np.abs(one - other)
    return float(apart.max()), float(apart.mean())


def _pairs(one: Instances, other: Instances) -> Iterable[tuple[int, int]]:
    """Instances of one class whose boxes overlap most, best first; each is in one pair at most."""
    overlap = _box_iou(one.boxes, other.boxes)
    overlap[one.classes[:, None] != other.classes[None]] = 0.0
    while overlap.size and overlap.max() >= _APART:
        i, j = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[i], overlap[:, j] = 0.0, 0.0
        yield int(i), int(j)


def _box_iou(one: FloatArray, other: FloatArray) -> FloatArray:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = (high - low).clip(0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    iou: FloatArray = both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9)
    return iou


def _mask_iou(one: Instances, i: int, other: Instances, j: int) -> float:
    """One pixel is free: where a probability is 0.5, rounding decides."""
    first, second = one.soft_mask(i) >= 0.5, other.soft_mask(j) >= 0.5
    both, either = int((first & second).sum()), int((first | second).sum())
    return min((both + 1) / max(either, 1), 1.0)
