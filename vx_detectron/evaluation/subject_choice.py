"""Does the chooser pick what people call the subject? Measured in two ways, in one forward pass.

*Given*: the annotated things are the candidates, so only the choice can be wrong. *End to end*:
the network's own instances are, and an answer is right by its mask; ``ceiling`` then says whether
any union of the predicted masks would have been right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vx_detectron.evaluation.choice_labels import CLEAR, NO_SUBJECT, UNCLEAR, ChoiceLabel
from vx_detectron.metrics import count
from vx_detectron.structures import BoolArray, Instances, Subject

Row = dict[str, Any]

RIGHT_IOU = 0.5  # of a predicted union with an accepted one


@dataclass(frozen=True)
class Answer:
    """What a chooser says about one photo, in annotation ids.

    Attributes:
        chosen: the subject; empty for "there is none".
        best: the candidate that it ranks first, None where it ranks none.
        score: 0..1, how much its best candidate deserves to be the subject.
    """

    chosen: frozenset[int]
    best: int | None
    score: float


def answer_of(subject: Subject, candidates: tuple[int, ...]) -> Answer:
    """The chooser's answer about instances that stand for the candidates, in their order."""
    best = subject.ranking[0] if subject.ranking else None
    return Answer(
        chosen=frozenset(candidates[index] for index in subject.chosen),
        best=candidates[best.index] if best else None,
        score=best.score if best else 0.0,
    )


def judge(label: ChoiceLabel, answer: Answer) -> Row:
    """One row of figures: the answer against what people accept.

    Returns:
        ``kind`` of the photo; ``exact``, whether the chosen set is an accepted one; ``member``,
        whether the best candidate belongs to one; ``abstained``; and the ``score``.
    """
    return {
        "image_id": label.image_id,
        "kind": label.kind,
        "exact": answer.chosen in label.accepted,
        "member": answer.best in label.members,
        "abstained": not answer.chosen,
        "score": answer.score,
    }


def judge_masks(
    label: ChoiceLabel, truths: Mapping[int, BoolArray], instances: Instances, subject: Subject
) -> Row:
    """The same row for predicted instances, right or wrong by their masks.

    ``exact``: the chosen union has an IoU of at least 0.5 with an accepted answer's. ``member``:
    most of the best candidate lies in accepted answers. ``iou``: with the accepted answer that
    fits best. ``ceiling_iou`` and ``ceiling``: the same for the best union of predicted masks
    that a greedy search finds.
    """
    masks = [instances.soft_mask(index) >= 0.5 for index in range(len(instances))]
    accepted = [_union(list(truths.values()), [truths[one] for one in s]) for s in label.accepted]
    chosen = _union(list(truths.values()), [masks[index] for index in subject.chosen])
    iou = max((count(chosen, truth).iou for truth in accepted), default=0.0)
    ceiling = max((_best_union(masks, truth) for truth in accepted), default=0.0)
    best = subject.ranking[0] if subject.ranking else None
    anything = _union(list(truths.values()), accepted)
    return {
        "image_id": label.image_id,
        "kind": label.kind,
        "exact": bool(subject) and iou >= RIGHT_IOU,
        "member": best is not None and count(masks[best.index], anything).precision >= 0.5,
        "abstained": not subject,
        "score": best.score if best else 0.0,
        "iou": iou,
        "ceiling": ceiling >= RIGHT_IOU,
        "ceiling_iou": ceiling,
    }


def summarise_choices(rows: Collection[Row]) -> dict[str, Any]:
    """Shares over the photos, and how well the chooser knows that there is no subject.

    Returns:
        For each kind of photo the number of ``photos`` and the shares 0..1 of those that are
        ``exact``, ``member`` and ``abstained`` (and ``ceiling``, the mean ``iou``). Under
        ``abstention``, over clear photos and those without a subject: ``precision`` and
        ``recall`` of saying "none", and the ``auc`` of the score; None where undefined.
    """
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in
               (CLEAR, UNCLEAR, NO_SUBJECT)}  # fmt: skip
    none, clear = by_kind[NO_SUBJECT], by_kind[CLEAR]
    silent = sum(row["abstained"] for row in none)
    wrongly = sum(row["abstained"] for row in clear)
    return {
        **{kind: shares(some) for kind, some in by_kind.items()},
        "abstention": {
            "precision": silent / (silent + wrongly) if silent + wrongly else None,
            "recall": silent / len(none) if none else None,
            "auc": _auc([row["score"] for row in clear], [row["score"] for row in none]),
        },
    }


def shares(rows: Collection[Row]) -> dict[str, float]:
    """The number of rows, and the mean of each figure in them."""
    names = ("exact", "member", "abstained", "iou", "ceiling", "ceiling_iou")
    means = {
        name: float(np.mean([row[name] for row in rows]))
        for name in names
        if rows and all(name in row for row in rows)
    }
    return {"photos": len(rows), **means}


def _auc(positive: list[float], negative: list[float]) -> float | None:
    """The chance that a positive scores above a negative, ties counting half."""
    if not positive or not negative:
        return None
    difference = np.subtract.outer(positive, negative)
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def _union(like: list[BoolArray], masks: Iterable[BoolArray]) -> BoolArray:
    union = np.zeros_like(like[0])
    for mask in masks:
        union |= mask
    return union


def _best_union(masks: list[BoolArray], truth: BoolArray) -> float:
    """IoU of the union that grows, mask by mask, as long as that helps."""
    union, best, left = np.zeros_like(truth), 0.0, list(masks)
    while left:
        gains = [count(union | mask, truth).iou for mask in left]
        if max(gains) <= best:
            break
        best = max(gains)
        union = union | left.pop(int(np.argmax(gains)))
    return best
