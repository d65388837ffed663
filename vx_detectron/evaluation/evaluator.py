"""Masks against true masks: rows for the photos, sums for the set. Detectron2's evaluator shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from vx_detectron.evaluation.predictors import Prediction
from vx_detectron.evaluation.slices import mask_slices
from vx_detectron.evaluation.statistics import bootstrap_means
from vx_detectron.metrics import (
    Counts,
    adaptive_counts,
    boundary_iou,
    count,
    e_measure,
    f_measure,
    f_of,
    mean_absolute_error,
    precision,
    recall,
    s_measure,
    stretch,
    threshold_counts,
    weighted_f_measure,
)
from vx_detectron.structures import BoolArray, DoubleArray

Row = dict[str, Any]

THRESHOLD = 0.5
OVERLAP = ("iou", "dice", "precision", "recall", "accuracy")
METRICS = (
    *OVERLAP,
    "boundary_iou",
    "mae",
    "s_measure",
    "weighted_f",
    "adaptive_f",
    "adaptive_e",
)
CURVES = ("precision", "recall", "f", "e")
LOWER_IS_BETTER = frozenset({"mae"})
SLICED = ("iou", "boundary_iou", "mae")


class MaskEvaluator:
    """Collects what one predictor says of many photos; keeps figures, no masks.

    Args:
        rescale: stretch every alpha to 0..1 before it is measured, as published figures of the
            salient-object literature have it.
    """

    def __init__(self, rescale: bool = False) -> None:
        self.rescale = rescale
        self.reset()

    def reset(self) -> None:
        """Forget all photos."""
        self.rows: list[Row] = []
        self.total = Counts(0, 0, 0, 0)
        self.curves = np.zeros((len(CURVES), 256))

    def process(
        self,
        name: str,
        prediction: Prediction,
        truth: BoolArray,
        *,
        photo: str = "",
        category: str = "",
        seen: str = "",
    ) -> None:
        """Measure one photo.

        Args:
            name: the photo's.
            prediction: of its mask.
            truth: bool (H, W).
            photo: its file, for whoever wants to look at it.
            category: of its subject.
            seen: what the pipeline took the subject for, see ``mask_slices``.

        Raises:
            ValueError: the masks differ in shape.
        """
        alpha = stretch(prediction.alpha) if self.rescale else prediction.alpha
        predicted = alpha >= THRESHOLD
        counts, at_thresholds = count(predicted, truth), threshold_counts(alpha, truth)
        adaptive = adaptive_counts(alpha, truth)
        self.total += counts
        self.curves += [curve(at_thresholds) for curve in (precision, recall, f_measure, e_measure)]
        self.rows.append(
            {
                "name": name,
                "photo": photo,
                "source": prediction.source,
                **{ratio: getattr(counts, ratio) for ratio in OVERLAP},
                "boundary_iou": boundary_iou(predicted, truth),
                "mae": mean_absolute_error(alpha, truth),
                "s_measure": s_measure(alpha, truth),
                "weighted_f": weighted_f_measure(alpha, truth),
                "adaptive_f": float(f_measure(adaptive)[0]),
                "adaptive_e": float(e_measure(adaptive)[0]),
                "counts": asdict(counts),
                "slices": mask_slices(truth, category, seen),
                "seconds": dict(prediction.seconds),
            }
        )

    def evaluate(self) -> dict[str, Any]:
        """The figures of all photos so far, at least one.

        Returns:
            ``summary``: ``mean`` over the photos of each metric with its 95 % interval
            (``low``, ``high``); ``total``, the ratios of all photos' pixels taken together;
            ``curve``, maximum and mean of the photos' mean F and E curves, and the maximum F of
            their mean precision and recall (``max_f_of_mean_pr``), as other papers have it.
            Then ``slices``, ``curves`` (256 thresholds, k/255) and ``photos``.
        """
        curves = dict(zip(CURVES, self.curves / len(self.rows), strict=True))
        return {
            "summary": {
                "photos": len(self.rows),
                "mask_sources": dict(Counter(row["source"] for row in self.rows)),
                "mean": means(self.rows, METRICS),
                "total": {ratio: getattr(self.total, ratio) for ratio in OVERLAP},
                "curve": _of_curves(curves),
                "seconds": _seconds(self.rows),
            },
            "slices": by_slice(self.rows),
            "curves": {name: curve.tolist() for name, curve in curves.items()},
            "photos": self.rows,
        }


def means(rows: list[Row], metrics: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The mean of each metric over the rows, and its 95 % confidence interval."""
    values = np.array([[row[metric] for metric in metrics] for row in rows])
    low, high = bootstrap_means(values)
    return {
        metric: {"value": float(value), "low": float(least), "high": float(most)}
        for metric, value, least, most in zip(metrics, values.mean(axis=0), low, high, strict=True)
    }


def by_slice(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """For each way of slicing and each kind of photo: how many, and the means of some metrics."""
    ways: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        for way, kind in row["slices"].items():
            ways.setdefault(way, {}).setdefault(kind, []).append(row)
    return {
        way: {
            kind: {"photos": len(some), **means(some, SLICED)}
            for kind, some in sorted(kinds.items())
        }
        for way, kinds in ways.items()
    }


def _of_curves(curves: Mapping[str, DoubleArray]) -> dict[str, float]:
    return {
        "max_f": float(curves["f"].max()),
        "mean_f": float(curves["f"].mean()),
        "max_e": float(curves["e"].max()),
        "mean_e": float(curves["e"].mean()),
        "max_f_of_mean_pr": float(f_of(curves["precision"], curves["recall"]).max()),
    }


def _seconds(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Mean and median of each stage's seconds over the photos that went through it."""
    stages: dict[str, list[float]] = {}
    for row in rows:
        for stage, seconds in row["seconds"].items():
            stages.setdefault(stage, []).append(seconds)
    return {
        stage: {"mean": float(np.mean(times)), "median": float(np.median(times))}
        for stage, times in stages.items()
    }
