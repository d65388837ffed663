"""S-measure: whether the prediction has the structure of the truth, as an object and in parts."""

from __future__ import annotations

import numpy as np

from vx_detectron.metrics.soft import EPS, check_alpha
from vx_detectron.structures import BoolArray, DoubleArray, RealArray


def s_measure(alpha: RealArray, truth: BoolArray) -> float:
    """The mean of the object-aware and the region-aware similarity, 0..1.

    Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017. An empty
    truth has 1 minus the mean of alpha, a full one the mean. Where the truth's centroid lies in
    the last row or column, pysodmetrics averages over nothing and returns NaN; here a quarter
    without pixels weighs nothing.

    Args:
        alpha: float (H, W), 0..1.
        truth: bool (H, W).

    Raises:
        ValueError: they differ in shape, or alpha is not within 0..1.
    """
    check_alpha(alpha, truth)
    wide = alpha.astype(np.float64)
    if not truth.any():
        return float(1 - wide.mean())
    if truth.all():
        return float(wide.mean())
    return max(0.0, (_object_score(wide, truth) + _region_score(wide, truth)) / 2)


def _object_score(alpha: DoubleArray, truth: BoolArray) -> float:
    share = float(truth.mean())
    inside, outside = _uniform_and_high(alpha[truth]), _uniform_and_high(1 - alpha[~truth])
    return share * inside + (1 - share) * outside


def _uniform_and_high(values: DoubleArray) -> float:
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean * mean + 1 + deviation + EPS)


def _region_score(alpha: DoubleArray, truth: BoolArray) -> float:
    """The structural similarity of the four quarters around the truth's centroid, by their area."""
    row, column = (round(float(middle)) + 1 for middle in np.argwhere(truth).mean(axis=0))
    score = 0.0
    for rows in (slice(None, row), slice(row, None)):
        for columns in (slice(None, column), slice(column, None)):
            quarter = truth[rows, columns]
            if quarter.size:
                score += quarter.size / truth.size * _similarity(alpha[rows, columns], quarter)
    return score


def _similarity(alpha: DoubleArray, truth: BoolArray) -> float:
    """Wang's structural similarity over the whole window."""
    mean, true_mean = float(alpha.mean()), float(truth.mean())
    offset, true_offset = alpha - mean, truth - true_mean
    degrees = truth.size - 1 + EPS
    variances = float((offset**2).sum() + (true_offset**2).sum()) / degrees
    covariance = float((offset * true_offset).sum()) / degrees
    together = 4 * mean * true_mean * covariance
    apart = (mean * mean + true_mean * true_mean) * variances
    if together != 0:
        return together / (apart + EPS)
    return float(apart == 0)
