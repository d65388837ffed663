"""How well a mask agrees with the truth: counts first, ratios after. NumPy and OpenCV only.

Two empty masks agree fully (1); an empty one and another do not agree at all (0).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Counts:
    """Pixels that both masks have, that only the prediction has, only the truth, and neither."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

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
    _check(predicted, truth)
    positives, true_positive = int(predicted.sum()), int((predicted & truth).sum())
    truths = int(truth.sum())
    false_positive, false_negative = positives - true_positive, truths - true_positive
    rest = truth.size - true_positive - false_positive - false_negative
    return Counts(true_positive, false_positive, false_negative, rest)


def boundary_iou(predicted: BoolArray, truth: BoolArray, dilation: float = 0.02) -> float:
    """IoU of the masks' inner borders: it sees the edge where IoU sees the area.

    Cheng et al., "Boundary IoU", CVPR 2021; the width of the border is ``dilation`` times the
    diagonal, the photo's border counts as an edge, as in the authors' code.

    Raises:
        ValueError: the masks differ in shape, or are not bool.
    """
    _check(predicted, truth)
    width = max(1, round(dilation * float(np.hypot(*truth.shape))))
    return count(_inner_border(predicted, width), _inner_border(truth, width)).iou


def mean_absolute_error(alpha: FloatArray, truth: BoolArray) -> float:
    """Mean of |alpha - truth|, 0..1, alpha taken as it is.

    Raises:
        ValueError: they differ in shape.
    """
    if alpha.shape != truth.shape:
        raise ValueError(f"alpha must have the truth's shape {truth.shape}, got {alpha.shape}")
    return float(np.abs(alpha - truth).mean())


def _inner_border(mask: BoolArray, width: int) -> BoolArray:
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), dtype=np.uint8), iterations=width)
    border: BoolArray = mask & (eroded[1:-1, 1:-1] == 0)
    return border


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _check(predicted: BoolArray, truth: BoolArray) -> None:
    if predicted.shape != truth.shape:
        raise ValueError(
            f"the prediction must have the truth's shape {truth.shape}, got {predicted.shape}"
        )
    if predicted.dtype != np.bool_ or truth.dtype != np.bool_:
        raise ValueError(f"masks must be bool, got {predicted.dtype} and {truth.dtype}")
