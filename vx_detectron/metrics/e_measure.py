"""E-measure: how the prediction and the truth are aligned, pixel by pixel and as a whole."""

from __future__ import annotations

import numpy as np

from vx_detectron.metrics.soft import EPS, ThresholdCounts
from vx_detectron.structures import DoubleArray


def e_measure(counts: ThresholdCounts) -> DoubleArray:
    """The enhanced alignment at every threshold, float64 (T,).

    Fan et al., "Enhanced-alignment measure for binary foreground map evaluation", IJCAI 2018.
    All pixels of one kind (true or false, positive or negative) are aligned alike, so the counts
    say it all. The authors divide by the number of pixels minus one, so full agreement is a
    little more than 1. An empty truth has the share of negatives, a full one that of positives.
    """
    positive = counts.positive
    negative = counts.pixels - positive
    whole = max(counts.pixels - 1, 1)
    if counts.truth == 0:
        return negative / whole
    if counts.truth == counts.pixels:
        return positive / whole
    missed = counts.truth - counts.true_positive
    predicted_mean, true_mean = positive / counts.pixels, counts.truth / counts.pixels
    total = (
        counts.true_positive * _enhanced(1 - predicted_mean, 1 - true_mean)
        + counts.false_positive * _enhanced(1 - predicted_mean, -true_mean)
        + missed * _enhanced(-predicted_mean, 1 - true_mean)
        + (negative - missed) * _enhanced(-predicted_mean, -true_mean)
    )
    return np.asarray(total / whole, dtype=np.float64)


def _enhanced(predicted: DoubleArray, true: float) -> DoubleArray:
    """The alignment of two values that their means were taken from, raised to 0..1."""
    aligned = 2 * predicted * true / (predicted**2 + true**2 + EPS)
    return np.asarray((aligned + 1) ** 2 / 4)
