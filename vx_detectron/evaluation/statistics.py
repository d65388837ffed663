"""How reliable a mean over photos is: the percentile bootstrap."""

from __future__ import annotations

import numpy as np

from vx_detectron.extras import needed
from vx_detectron.structures import DoubleArray

stats = needed("scipy.stats", "evaluate", "measuring results")

RESAMPLES, SEED, CONFIDENCE = 10_000, 0, 0.95

_AT_ONCE = 4_000_000  # numbers held in memory


def bootstrap_means(
    values: DoubleArray,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    confidence: float = CONFIDENCE,
) -> tuple[DoubleArray, DoubleArray]:
    """Confidence intervals of the columns' means, by drawing photos with replacement.

    All columns share the draws. Efron, "Bootstrap methods", 1979; the interval is that of the
    percentiles of the resampled means.

    Args:
        values: float64 (N, M), N photos with M figures each, N at least 1.
        resamples: how often N photos are drawn.
        seed: the same seed gives the same draws.
        confidence: share of the resampled means within the interval.

    Returns:
        Its lower and upper ends, float64 (M,) each.
    """
    if len(values) == 1:  # scipy asks for two; drawing from one always gives that one
        return values[0].copy(), values[0].copy()
    interval = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, _AT_ONCE // values.size),
        confidence_level=confidence,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return interval.low, interval.high
