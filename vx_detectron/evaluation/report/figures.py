"""From results to the contents of the page: interesting photos, charts, and sorted tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from vx_detectron.evaluation.compare import compare
from vx_detectron.evaluation.evaluator import CURVES
from vx_detectron.evaluation.predictors import REFINEMENTS
from vx_detectron.evaluation.results import Results

Row = dict[str, Any]
Points = list[tuple[float, float]]

MOST_CLASSES = 12  # in a table; there may be thousands

_BINS = 20  # of the histogram
_EACH = 4  # worst, typical and best photos


def worth_a_look(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The photos with the lowest, middle and highest IoU, no photo twice."""
    order = sorted(rows, key=lambda row: (row["iou"], row["name"]))
    worst, rest = order[:_EACH], order[_EACH:]
    rest, best = rest[:-_EACH], rest[-_EACH:]
    start = max(0, (len(rest) - _EACH) // 2)
    typical = rest[start : start + _EACH]
    return {"Worst": worst, "Around the median": typical, "Best": best[::-1]}


def histogram(rows: Sequence[Row]) -> dict[str, int]:
    """How many photos have an IoU from each bound up to the next; 1 is in the last bin."""
    bounds = np.linspace(0, 1, _BINS + 1)
    counts, _ = np.histogram([row["iou"] for row in rows], bounds)
    labels = [f"{low:.2f} to {high:.2f}" for low, high in pairwise(bounds)]
    return dict(zip(labels, counts.tolist(), strict=True))


def threshold_curves(results: Results) -> dict[str, Points]:
    """Each mean curve over the threshold, 0..1."""
    names = dict(zip(CURVES, ("precision", "recall", "F (beta² 0.3)", "E"), strict=True))
    return {
        words: [(level / 255, value) for level, value in enumerate(results["curves"][name])]
        for name, words in names.items()
    }


def precision_recall(results: Results) -> Points:
    """Mean recall and mean precision at each threshold."""
    curves = results["curves"]
    return list(zip(curves["recall"], curves["precision"], strict=True))


def ablation(runs: Mapping[str, Results]) -> dict[str, Row]:
    """For each variant its figures and, of a step, what it adds to the variant before it."""
    names = list(runs)
    table = {}
    for before, name in zip([names[0], *names], names, strict=False):
        step = name.startswith("+ ")
        changed = compare(runs[before], runs[name], 0)["metrics"]["iou"] if step else None
        summary = runs[name]["summary"]
        table[name] = {**summary["mean"], **summary["curve"], "change": changed}
    return table


def shown_variant(runs: Mapping[str, Results]) -> str:
    """The variant that the page is about: of an ablation all steps together."""
    whole = list(REFINEMENTS)[-1]
    return whole if whole in runs else next(iter(runs))


def in_order(slices: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ways of slicing with their kinds by the numbers in them; of classes the commonest.

    A way in which all photos are of one kind says nothing, and is left out.
    """
    ordered = {}
    for way, kinds in slices.items():
        if len(kinds) < 2:
            continue
        if way == "category":
            names = sorted(kinds, key=lambda kind: -kinds[kind]["photos"])[:MOST_CLASSES]
        else:
            names = sorted(kinds, key=_rank)
        ordered[way] = {name: kinds[name] for name in names}
    return ordered


def _rank(kind: str) -> tuple[bool, int, bool]:
    """``under 5%``, ``5% to 20%``, ``20% and more``: by the first number, without one last."""
    number = re.search(r"\d+", kind)
    return number is None, int(number[0]) if number else 0, not kind.startswith("under")
