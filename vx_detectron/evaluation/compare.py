"""Two results over the same photos: which is better, by how much, and where?"""

from __future__ import annotations

from typing import Any

import numpy as np

from vx_detectron.errors import DataError
from vx_detectron.evaluation.evaluator import LOWER_IS_BETTER, METRICS
from vx_detectron.evaluation.results import Results
from vx_detectron.evaluation.statistics import bootstrap_means
from vx_detectron.extras import needed
from vx_detectron.structures import DoubleArray

stats = needed("scipy.stats", "evaluate", "comparing results")

NOTABLE = 0.01  # a photo whose figure changes by more is better or worse
_SAME = ("data.fingerprint", "settings.rescale", "settings.threshold")


def compare(first: Results, second: Results, changed: int = 10) -> dict[str, Any]:
    """Compare photo by photo; a difference is the second minus the first.

    Args:
        first: of ``evaluate_masks``.
        second: likewise.
        changed: how many photos to name whose IoU changed most.

    Returns:
        ``photos`` in both; ``only_first`` and ``only_second``, names; ``unlike``, what the runs do
        not have in common though they should; for each of the ``metrics`` both means, the mean
        ``difference`` with its 95 % bootstrap interval (``low``, ``high``), the ``p`` value of
        Wilcoxon's signed-rank test (two-sided; 1 where nothing differs), and the shares of photos
        ``better`` and ``worse`` by more than 0.01; ``changed``, the photos whose IoU did most.

    Raises:
        DataError: no photo is in both.
    """
    before = {row["name"]: row for row in first["photos"]}
    after = {row["name"]: row for row in second["photos"]}
    names = [name for name in before if name in after]
    if not names:
        raise DataError(
            f"the two results have no photo in common; the first has {len(before)}, such as "
            f"{min(before, default='none')}, the second {len(after)}, such as "
            f"{min(after, default='none')}"
        )
    pairs = np.array(
        [[[row[name][metric] for metric in METRICS] for row in (before, after)] for name in names]
    )
    return {
        "photos": len(names),
        "only_first": sorted(before.keys() - after.keys()),
        "only_second": sorted(after.keys() - before.keys()),
        "unlike": [key for key in _SAME if _at(first, key) != _at(second, key)],
        "metrics": _metrics(pairs),
        "changed": _changed(names, pairs[:, :, METRICS.index("iou")], changed),
    }


def _metrics(pairs: DoubleArray) -> dict[str, dict[str, float]]:
    """For each metric the figures of (photos, 2, metrics)."""
    differences = pairs[:, 1] - pairs[:, 0]
    low, high = bootstrap_means(differences)
    table = {}
    for index, metric in enumerate(METRICS):
        difference = differences[:, index]
        gain = -difference if metric in LOWER_IS_BETTER else difference
        table[metric] = {
            "first": float(pairs[:, 0, index].mean()),
            "second": float(pairs[:, 1, index].mean()),
            "difference": float(difference.mean()),
            "low": float(low[index]),
            "high": float(high[index]),
            "p": float(stats.wilcoxon(difference).pvalue) if difference.any() else 1.0,
            "better": float((gain > NOTABLE).mean()),
            "worse": float((gain < -NOTABLE).mean()),
        }
    return table


def _changed(names: list[str], pairs: DoubleArray, most: int) -> list[dict[str, Any]]:
    """The photos with the largest differences of (photos, 2), largest first."""
    differences = pairs[:, 1] - pairs[:, 0]
    order = np.argsort(-np.abs(differences), kind="stable")[:most]
    return [
        {
            "name": names[index],
            "first": float(pairs[index, 0]),
            "second": float(pairs[index, 1]),
            "difference": float(differences[index]),
        }
        for index in order
        if differences[index]
    ]


def _at(results: Results, key: str) -> Any:
    section, name = key.split(".")
    return results[section][name]
