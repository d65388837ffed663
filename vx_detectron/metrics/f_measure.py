"""F-measures: of precision and recall at thresholds, and Margolin's weighted one."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.extras import needed
from vx_detectron.metrics.soft import EPS, ThresholdCounts, check_alpha
from vx_detectron.structures import BoolArray, DoubleArray, RealArray

BETA_SQUARED = 0.3  # the salient-object literature's, which weighs precision more


def precision(counts: ThresholdCounts) -> DoubleArray:
    """Share of the prediction that is true, float64 (T,); 0 for an empty one of a true thing."""
    share = counts.true_positive / np.maximum(counts.positive, 1)
    return np.where(counts.empty, 1.0, share)


def recall(counts: ThresholdCounts) -> DoubleArray:
    """Share of the truth that is predicted, float64 (T,)."""
    return np.where(counts.empty, 1.0, counts.true_positive / max(counts.truth, 1))


def f_measure(counts: ThresholdCounts, beta_squared: float = BETA_SQUARED) -> DoubleArray:
    """(1 + b²) P R / (b² P + R) at every threshold, float64 (T,), 0..1.

    Achanta et al., "Frequency-tuned salient region detection", CVPR 2009. The maximum F of a
    data set is the maximum of the photos' mean curve, as in pysodmetrics. There an empty truth
    that is predicted as empty has 0, here 1.
    """
    return f_of(precision(counts), recall(counts), beta_squared)


def f_of(
    precision: DoubleArray, recall: DoubleArray, beta_squared: float = BETA_SQUARED
) -> DoubleArray:
    """The same from precision and recall, float64 (T,), such as their means over photos."""
    denominator = beta_squared * precision + recall
    product = (1 + beta_squared) * precision * recall
    return np.divide(product, denominator, out=np.zeros_like(product), where=denominator > 0)


def weighted_f_measure(alpha: RealArray, truth: BoolArray) -> float:
    """F with b = 1 that weighs errors by where they are, 0..1.

    Margolin, Zelnik-Manor, Tal, "How to evaluate foreground maps?", CVPR 2014: an error next to
    right pixels counts less, a false one far from the truth more.

    Args:
        alpha: float (H, W), 0..1.
        truth: bool (H, W).

    Returns:
        0..1. For an empty truth 1 where alpha is empty too (pysodmetrics: 0), else 0.

    Raises:
        ValueError: they differ in shape, or alpha is not within 0..1.
        ConfigError: SciPy, of the extra ``evaluate``, cannot be imported.
    """
    check_alpha(alpha, truth)
    ndimage = needed("scipy.ndimage", "evaluate", "the weighted F-measure")
    if not truth.any():
        return float(not alpha.any())
    error = np.abs(alpha.astype(np.float64) - truth)
    distance, nearest = ndimage.distance_transform_edt(~truth, return_indices=True)
    # Outside the truth, the error of the nearest true pixel: its edge is to be blurred in itself.
    inward = np.where(truth, error, error[tuple(nearest)])
    blurred = cv2.GaussianBlur(inward, (7, 7), 5, borderType=cv2.BORDER_CONSTANT)
    inside = np.minimum(error, blurred)[truth]
    outside = (error * (2 - np.exp(np.log(0.5) / 5 * distance)))[~truth]
    true_positive, false_positive = inside.size - inside.sum(), outside.sum()
    found = 1 - inside.mean()
    exact = true_positive / (true_positive + false_positive + EPS)
    return float(2 * found * exact / (found + exact + EPS))
