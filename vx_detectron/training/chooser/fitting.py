"""Fit the subject chooser, and measure it on photos that it was not fitted on.

``tools/fit_chooser.py`` is its command. What an example is: see ``examples``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from vx_detectron.evaluation.choice_labels import CLEAR, NO_SUBJECT
from vx_detectron.subject.chooser import Chooser
from vx_detectron.subject.features import FEATURES
from vx_detectron.training.chooser.examples import Example

# What common sense demands of the weights' signs; the others are free.
_FOR = ("saliency", "attention", "size", "centrality", "border", "focus", "confidence", "alive",
        "equipment", "evenness")  # fmt: skip
_AGAINST = ("furniture", "unrelated", "kin_left_out", "neighbour_left_out")
_RIDGE = 1.0  # on the weights of standardised features
_FOLDS = 5
_RIGHT = 0.5  # IoU
_LIMITS = np.arange(0.05, 1.0, 0.05).round(2)  # of the probability that there is a subject
_MOST_LOST = 0.01  # share of the clear photos whose right answer a limit may silence


def fit(examples: Sequence[Example]) -> Chooser:
    """The weights under which right sets are most probable: penalised maximum likelihood.

    It minimises, over photos, -log(sum over sets of probability x reward), plus half the squared
    length of the weights of the standardised features.
    """
    used = [one for one in examples if one.weight > 0 and one.groups]
    values = np.concatenate([one.values for one in used])
    alone = np.concatenate([[len(group) == 1 for group in one.groups] for one in used])
    typical, spread = values[alone].mean(axis=0), values.std(axis=0)
    spread[spread < 1e-6] = 1.0
    lengths = np.array([len(one.rewards) for one in used])
    silence = np.cumsum(lengths) - 1
    rows = np.zeros((lengths.sum(), len(FEATURES) + 1))
    rows[np.setdiff1d(np.arange(len(rows)), silence), :-1] = (values - typical) / spread
    rows[silence, -1] = 1  # the constant of "no subject"
    with np.errstate(divide="ignore"):
        gain = np.log(np.concatenate([one.rewards for one in used]).astype(np.float64))
    weights = np.array([one.weight for one in used])

    def loss(numbers: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        odds = rows @ numbers
        (all_, chance), (right, share) = _softmax(odds, lengths), _softmax(odds + gain, lengths)
        slope = rows.T @ ((chance - share) * np.repeat(weights, lengths))
        ridge = np.append(numbers[:-1], 0)
        value = weights @ (all_ - right) + _RIDGE / 2 * ridge @ ridge
        return float(value), slope + _RIDGE * ridge

    bounds = [(0, None) if name in _FOR else (None, 0) if name in _AGAINST else (None, None)
              for name in FEATURES]  # fmt: skip
    best = minimize(loss, np.zeros(rows.shape[1]), jac=True, bounds=[*bounds, (None, None)]).x
    return Chooser(tuple(best[:-1] / spread), tuple(typical), float(best[-1]))


def _softmax(odds: NDArray[Any], lengths: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """For consecutive runs of these lengths, the log of the sum of exp, and the shares of it."""
    starts = np.cumsum(lengths) - lengths
    highest = np.maximum.reduceat(odds, starts)
    sums = np.add.reduceat(np.exp(odds - np.repeat(highest, lengths)), starts)
    total = highest + np.log(sums)
    return total, np.exp(odds - np.repeat(total, lengths))


def cross_validate(examples: Sequence[Example], seed: int) -> list[dict[str, Any]]:
    """For each example what a chooser says of it that was fitted without its photo."""
    kinds = {one.photo: f"{one.kind} {one.source in ('given', 'network')}" for one in examples
             if one.source != "nothing"}  # fmt: skip
    photos = sorted(kinds)
    strata = [kinds[photo] for photo in photos]
    rows = []
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for _, held_out in folds.split(photos, strata):
        out = {photos[index] for index in held_out}
        chooser = fit([one for one in examples if one.photo not in out])
        rows += [judge(chooser, one) for one in examples if one.photo in out]
    return rows


def judge(chooser: Chooser, one: Example) -> dict[str, Any]:
    """How right the chooser is about one photo: as ``select`` would choose, threshold aside."""
    row = {"source": one.source, "kind": one.kind, "score": 0.0, "reward": 0.0, "member": False,
           "certainty": 0.0}  # fmt: skip
    if not one.groups:
        return row
    probabilities = chooser.probabilities(one.values)
    scores = np.zeros(len({index for group in one.groups for index in group}))
    for group, probability in zip(one.groups, probabilities, strict=True):
        scores[list(group)] += probability
    best = int(np.argmax(scores))
    with_best = [best in group for group in one.groups]
    chosen = int(np.argmax(np.where(with_best, probabilities, -1)))
    return {
        **row,
        "score": float(probabilities.sum()),
        "reward": float(one.rewards[chosen]),
        "member": best in one.members,
        "certainty": float(probabilities[chosen]),
    }


def summarise(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The figures of all held-out photos, in lines."""

    def of(source: str, kind: str, name: str) -> NDArray[Any]:
        found = [row[name] for row in rows if (row["source"], row["kind"]) == (source, kind)]
        return np.array(found, dtype=np.float64)

    right = of("given", CLEAR, "reward")
    yield (
        f"given: exact {right.mean():.3f}, member {of('given', CLEAR, 'member').mean():.3f}, "
        f"mean probability of the chosen set {of('given', CLEAR, 'certainty').mean():.3f}"
    )
    for source in ("network", "mask"):
        iou = of(source, CLEAR, "reward")
        yield f"{source}: IoU {iou.mean():.3f}, right {(iou >= _RIGHT).mean():.3f}"
    for source, nothing in (("given", "given"), ("network", "network"), ("mask", "nothing")):
        clear, none = of(source, CLEAR, "score"), of(nothing, NO_SUBJECT, "score")
        area = roc_auc_score([1] * len(clear) + [0] * len(none), [*clear, *none])
        silent = ", ".join(
            f"{limit}: {(clear < limit).mean():.1%} / {(none < limit).mean():.0%}"
            for limit in (0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
        )
        yield f"{source}: AUC of no subject {area:.3f}; silent if clear / if none below {silent}"
    yield f"VX.SUBJECT.MIN_SCORE up to {highest_limit(rows):.2f} costs next to no correct answers"


def highest_limit(rows: Sequence[dict[str, Any]]) -> float:
    """The highest limit that silences next to no right answer about what the network finds.

    A wrong cut-out that stays away is no loss. The photos without a subject do not take part:
    they are too few to choose by, and are left to say what the limit brings.
    """
    clear = [row for row in rows if row["source"] in ("network", "mask") and row["kind"] == CLEAR]
    right = np.array([row["score"] for row in clear if row["reward"] >= _RIGHT])
    lost = [float((right < limit).sum() / len(clear)) for limit in _LIMITS]
    return float(max(_LIMITS[np.array(lost) <= _MOST_LOST], default=0.0))


def fit_and_validate(
    examples: Mapping[str, Sequence[Example]], seeds: int
) -> tuple[dict[str, Any], list[str]]:
    """Fit a chooser for each kind of saliency map.

    Args:
        examples: by the kind of map, see ``examples.gather``.
        seeds: cross-validations to pool.

    Returns:
        What ``chooser.json`` holds, and lines of cross-validated figures.
    """
    fits, lines = {}, []
    for name, some in examples.items():
        rows = [row for seed in range(seeds) for row in cross_validate(some, seed)]
        lines.append(f"{name} saliency map, {seeds} x {_FOLDS}-fold cross-validation")
        lines += [f"  {line}" for line in summarise(rows)]
        fits[name] = as_json(fit(some))
    return fits, lines


def as_json(chooser: Chooser) -> dict[str, Any]:
    """The numbers as ``chooser.json`` has them."""
    pairs = zip(FEATURES, chooser.weights, chooser.typical, strict=True)
    return {
        "features": {
            name: {"weight": round(float(weight), 4), "typical": round(float(typical), 4)}
            for name, weight, typical in pairs
        },
        "nothing": round(chooser.nothing, 4),
    }
