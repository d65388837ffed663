"""Two binary masks: the four counts of their pixels, and the ratios of these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vx_detectron.structures import BoolArray


@dataclass(frozen=True)
class Counts:
    """Pixels that both masks have, that only the prediction has, only the truth, and neither."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    def __add__(self, other: Counts) -> Counts:
        """The counts over the pixels of both."""
        return Counts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard), 0..1."""
        return _ratio(
            self.true_positive, self.true_positive + self.false_positive + self.false_negative
        )

    @property
    def dice(self) -> float:
        """Twice the intersection over the sum of both (F1), 0..1."""
        both = 2 * self.true_positive
        return _ratio(both, both + self.false_positive + self.false_negative)

    @property
    def precision(self) -> float:
        """Share of the prediction that is true, 0..1; 1 when both masks are empty."""
        if self.true_positive + self.false_positive == 0:
            return float(self.false_negative == 0)
        return self.true_positive / (self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the truth that is predicted, 0..1; 1 when both masks are empty."""
        if self.true_positive + self.false_negative == 0:
            return float(self.false_positive == 0)
        return self.true_positive / (self.true_positive + self.false_negative)

    @property
    def accuracy(self) -> float:
        """Share of the pixels that agree, 0..1."""
        right = self.true_positive + self.true_negative
        return _ratio(right, right + self.false_positive + self.false_negative)


def count(predicted: BoolArray, truth: BoolArray) -> Counts:
    """Compare two bool masks of the same shape.

    Raises:
        ValueError: they differ in shape, or are not bool.
    """
    check_masks(predicted, truth)
    positives, true_positive = int(predicted.sum()), int((predicted & truth).sum())
    truths = int(truth.sum())
    false_positive, false_negative = positives - true_positive, truths - true_positive
    rest = truth.size - true_positive - false_positive - false_negative
    return Counts(true_positive, false_positive, false_negative, rest)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def check_masks(predicted: BoolArray, truth: BoolArray) -> None:
    """Raise ValueError unless both are bool, of the same shape."""
    if predicted.shape != truth.shape:
        raise ValueError(
            f"the prediction must have the truth's shape {truth.shape}, got {predicted.shape}"
        )
    if predicted.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ValueError(f"masks must be bool, got {predicted.dtype} and {truth.dtype}")
