"""A soft mask against a binary one: absolute error, and the counts at every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vx_detectron.structures import BoolArray, IntArray, RealArray

LEVELS = 256
EPS = float(np.spacing(1))  # what the authors of these measures add, in Matlab: eps


@dataclass(frozen=True, eq=False)
class ThresholdCounts:
    """Counts of a soft mask, cut at T thresholds.

    Attributes:
        true_positive: int64 (T,), pixels of the truth at or above each threshold.
        false_positive: int64 (T,), other pixels at or above it.
        truth: pixels of the truth.
        pixels: of the photo.
    """

    true_positive: IntArray
    false_positive: IntArray
    truth: int
    pixels: int

    @property
    def positive(self) -> IntArray:
        """Pixels at or above each threshold, int64 (T,)."""
        return self.true_positive + self.false_positive

    @property
    def empty(self) -> BoolArray:
        """Where prediction and truth are both empty, bool (T,)."""
        return np.asarray((self.positive == 0) & (self.truth == 0))


def threshold_counts(alpha: RealArray, truth: BoolArray) -> ThresholdCounts:
    """Cut at the 256 thresholds 0/255, 1/255 .. 255/255, in this order, by two histograms.

    At the first one every pixel is predicted. The literature rounds alpha down to such levels
    (``floor(255 alpha)``), and so does this.

    Args:
        alpha: float (H, W), 0..1.
        truth: bool (H, W).

    Raises:
        ValueError: they differ in shape, or alpha is not within 0..1.
    """
    check_alpha(alpha, truth)
    levels = (alpha * 255).astype(np.uint8)
    inside = np.bincount(levels[truth], minlength=LEVELS)
    outside = np.bincount(levels[~truth], minlength=LEVELS)
    return ThresholdCounts(
        true_positive=np.cumsum(inside[::-1])[::-1],
        false_positive=np.cumsum(outside[::-1])[::-1],
        truth=int(truth.sum()),
        pixels=truth.size,
    )


def adaptive_counts(alpha: RealArray, truth: BoolArray) -> ThresholdCounts:
    """Cut at one threshold, twice the mean of alpha, at most 1 (Achanta et al., CVPR 2009).

    An alpha of zeros stays empty. (pysodmetrics cuts it at 0, and so counts it as full.)

    Args:
        alpha: float (H, W), 0..1.
        truth: bool (H, W).

    Raises:
        ValueError: they differ in shape, or alpha is not within 0..1.
    """
    check_alpha(alpha, truth)
    predicted = (alpha >= min(2 * alpha.mean(), 1)) & (alpha > 0)
    true_positive = int((predicted & truth).sum())
    return ThresholdCounts(
        true_positive=np.array([true_positive]),
        false_positive=np.array([int(predicted.sum()) - true_positive]),
        truth=int(truth.sum()),
        pixels=truth.size,
    )


def mean_absolute_error(alpha: RealArray, truth: BoolArray) -> float:
    """Mean of |alpha - truth|, 0..1, alpha taken as it is.

    Args:
        alpha: float (H, W), 0..1.
        truth: bool (H, W).

    Raises:
        ValueError: they differ in shape, or alpha is not within 0..1.
    """
    check_alpha(alpha, truth)
    return float(np.abs(alpha - truth).mean(dtype=np.float64))


def stretch(alpha: RealArray) -> RealArray:
    """Alpha as published figures have it: an 8-bit picture whose levels are stretched to 0..1.

    Args:
        alpha: float (H, W), 0..1.

    Returns:
        float64 (H, W), its minimum 0 and its maximum 1; a flat one is not stretched.
    """
    levels = np.round(alpha.astype(np.float64) * 255) / 255
    low, high = float(levels.min()), float(levels.max())
    stretched = (levels - low) / (high - low) if high > low else levels
    return np.asarray(stretched, dtype=np.float64)


def check_alpha(alpha: RealArray, truth: BoolArray) -> None:
    """Raise ValueError unless alpha is float within 0..1, truth bool, and their shapes equal."""
    if alpha.shape != truth.shape or not truth.size:
        raise ValueError(
            f"alpha must have the truth's shape {truth.shape} and a pixel at least, "
            f"got {alpha.shape}"
        )
    if not np.issubdtype(alpha.dtype, np.floating) or truth.dtype != np.bool_:
        raise ValueError(
            f"alpha must be float and the truth bool, got {alpha.dtype} and {truth.dtype}"
        )
    low, high = float(alpha.min()), float(alpha.max())
    if not (low >= 0 and high <= 1):  # also catches NaN, which min and max pass on
        raise ValueError(f"alpha must lie within 0..1, got {low:g}..{high:g}")
