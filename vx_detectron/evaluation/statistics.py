"""How far a mean over photos can be trusted: the percentile bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES, SEED, CONFIDENCE = 10_000, 0, 0.95

_AT_ONCE = 4_000_000  # draws held in memory


def bootstrap_means(
    values: Array, resamples: int = RESAMPLES, seed: int = SEED, confidence: float = CONFIDENCE
) -> tuple[Array, Array]:
    """Confidence intervals of the columns' means, by drawing photos with replacement.

    All columns share the draws. Efron, "Bootstrap methods", 1979; the interval is that of the
    percentiles of the resampled means.

    Args:
        values: float64 (N, M), N photos with M figures each, N at least 1.
        resamples: how often N photos are drawn.
        seed: the same one gives the same draws.
        confidence: share of the resampled means within the interval.

    Returns:
        Its lower and upper ends, float64 (M,) each.
    """
    count = len(values)
    random = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    step = max(1, _AT_ONCE // count)
    for start in range(0, resamples, step):
        some = min(step, resamples - start)
        drawn = random.integers(count, size=(some, count))
        drawn += np.arange(some)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=some * count).reshape(some, count)
        means[start : start + some] = times @ values / count
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high
