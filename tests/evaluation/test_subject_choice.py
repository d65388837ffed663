"""The measure of subject choice: by hand, against scikit-learn, and on labelled photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from choice_sets import write_labelled_photos
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from vx_detectron.config import load_cfg
from vx_detectron.errors import DataError
from vx_detectron.evaluation.choice_labels import (
    ChoiceLabel,
    read_choice_labels,
    true_instances,
)
from vx_detectron.evaluation.choice_run import evaluate_choice, read_choice_data
from vx_detectron.evaluation.subject_choice import (
    Answer,
    answer_of,
    judge,
    judge_masks,
    summarise_choices,
)
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import Candidate, Subject

# pycocotools 2 hands NumPy 2 an array-like of the old kind.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def label(*accepted: set[int], kind: str = "clear") -> ChoiceLabel:
    answers = tuple(map(frozenset, accepted))
    return ChoiceLabel(7, (1, 2, 3), answers[0] if answers else frozenset(), answers, kind)


def answer(chosen: set[int], best: int | None = None, score: float = 0.5) -> Answer:
    return Answer(frozenset(chosen), best, score)


def subject(chosen: tuple[int, ...], ranking: tuple[int, ...], score: float = 0.8) -> Subject:
    ranked = tuple(Candidate(index, "thing", score, {}, {}) for index in ranking)
    return Subject(chosen, ranked, "", "ranking")


@pytest.mark.parametrize(
    ("given", "exact", "member", "abstained"),
    [
        (answer({1, 2}, 1), True, True, False),
        (answer({3}, 3), True, True, False),
        (answer({1}, 1), False, True, False),
        (answer({1, 2, 3}, 2), False, True, False),
        (answer(set(), 1), False, True, True),
        (answer(set(), None), False, False, True),
    ],
)
def test_one_answer(given: Answer, exact: bool, member: bool, abstained: bool) -> None:
    row = judge(label({1, 2}, {3}), given)
    assert (row["exact"], row["member"], row["abstained"]) == (exact, member, abstained)


def test_a_best_candidate_outside_every_accepted_answer() -> None:
    assert not judge(label({1, 2}), answer({3}, 3))["member"]


def test_positions_become_annotation_ids() -> None:
    given = answer_of(subject((2, 0), (2, 1, 0)), (10, 20, 30))
    assert given == Answer(frozenset({10, 30}), 30, 0.8)
    assert answer_of(subject((), ()), (10, 20)) == Answer(frozenset(), None, 0.0)


def test_abstention_equals_scikit_learn() -> None:
    random = np.random.default_rng(2)
    none = np.arange(40) < 12
    scores = np.round(random.random(40) * (1 - 0.5 * none), 1)  # with ties
    silent = scores < 0.3
    rows = [
        judge(
            label(kind="no subject") if nothing else label({1}),
            answer(set() if quiet else {1}, 1, float(score)),
        )
        for nothing, quiet, score in zip(none, silent, scores, strict=True)
    ]
    rows.append(judge(label({1}, kind="unclear"), answer(set())))  # takes no part
    abstention = summarise_choices(rows)["abstention"]
    assert abstention["precision"] == pytest.approx(precision_score(none, silent))
    assert abstention["recall"] == pytest.approx(recall_score(none, silent))
    assert abstention["auc"] == pytest.approx(roc_auc_score(~none, scores))


def test_shares_by_kind_of_photo() -> None:
    rows = [
        judge(label({1}), answer({1}, 1)),
        judge(label({1}), answer({2}, 2)),
        judge(label({1}, {2}, kind="unclear"), answer({2}, 2)),
    ]
    summary = summarise_choices(rows)
    assert summary["clear"] == {"photos": 2, "exact": 0.5, "member": 0.5, "abstained": 0}
    assert summary["unclear"]["exact"] == 1
    assert summary["no subject"] == {"photos": 0}
    assert summary["abstention"] == {"precision": None, "recall": None, "auc": None}


# --- by masks ------------------------------------------------------------------------------------


def boxes(**places: tuple[int, int, int, int]) -> dict[int, np.ndarray]:
    """Masks by number, bool (60, 80)."""
    masks = {}
    for number, (top, bottom, left, right) in enumerate(places.values(), start=1):
        masks[number] = np.zeros((60, 80), dtype=bool)
        masks[number][top:bottom, left:right] = True
    return masks


TRUTHS = boxes(rider=(10, 30, 10, 30), horse=(30, 50, 10, 40), dog=(10, 50, 60, 75))
NAMES = {1: "person", 2: "horse", 3: "dog"}


def test_instances_stand_where_the_annotations_are() -> None:
    instances = true_instances(TRUTHS, NAMES, None)
    assert [instances.label(index) for index in range(3)] == ["person", "horse", "dog"]
    assert instances.boxes.tolist() == [[10, 10, 30, 30], [10, 30, 40, 50], [60, 10, 75, 50]]
    for index, mask in enumerate(TRUTHS.values()):
        assert np.array_equal(instances.soft_mask(index) >= 0.5, mask)


@pytest.mark.parametrize(
    ("chosen", "exact", "iou"),
    [
        ((0, 1), True, 1.0),
        ((1,), True, 0.6),  # 600 of 1000 pixels
        ((0,), False, 0.4),
        ((2,), False, 0.0),
        ((), False, 0.0),
    ],
)
def test_an_answer_by_its_mask(chosen: tuple[int, ...], exact: bool, iou: float) -> None:
    instances = true_instances(TRUTHS, NAMES, None)
    row = judge_masks(label({1, 2}), TRUTHS, instances, subject(chosen, (1, 0, 2)))
    assert (row["exact"], row["iou"]) == (exact, pytest.approx(iou))
    assert (row["ceiling"], row["ceiling_iou"]) == (True, 1.0)
    assert row["member"] and row["abstained"] == (not chosen)


def test_the_ceiling_of_a_detector_that_missed_the_horse() -> None:
    found = true_instances({1: TRUTHS[1], 3: TRUTHS[3]}, NAMES, None)
    row = judge_masks(label({1, 2}), TRUTHS, found, subject((0, 1), (1, 0)))
    assert row["ceiling_iou"] == pytest.approx(0.4)
    assert not row["ceiling"] and not row["member"]


# --- labels and photos ---------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "image_id": 4,
    "candidates": [8, 9],
    "subject": [9],
    "accepted": [[9], [8, 9]],
    "clear": True,
    "no_subject": False,
}


def test_reading_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps([GOOD, {**GOOD, "clear": False, "no_subject": True}]))
    first, second = read_choice_labels(path)
    assert first == ChoiceLabel(
        4, (8, 9), frozenset({9}), (frozenset({9}), frozenset({8, 9})), "clear"
    )
    assert first.members == {8, 9} and second.kind == "no subject"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, "should be a json list"),
        ([{**GOOD, "subject": None}], "should be a json list"),
        ([{"image_id": 4}], "KeyError 'candidates'|KeyError 'clear'"),
        ([{**GOOD, "accepted": [[10]]}], "image 4 are not among its candidates"),
        ([], "contains no labels"),
    ],
)
def test_labels_that_make_no_sense(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_choice_labels(path)


def test_labelled_photos_in_both_ways(tmp_path: Path) -> None:
    isolator = Isolator(load_cfg(None, ["VX.ENGINE", "torchvision", "MODEL.DEVICE", "cpu"]))
    results = evaluate_choice(isolator, read_choice_data(*write_labelled_photos(tmp_path)))
    (problem,) = results["problems"]
    assert problem["name"] == "image 3" and "no usable image 3" in problem["reason"]
    cat, cup = results["photos"]
    for row in (cat["given"], cat["end_to_end"], cup["given"], cup["end_to_end"]):
        assert row["exact"] and row["member"] and not row["abstained"]
    for row in (cat["end_to_end"], cup["end_to_end"]):
        assert 0.5 < row["iou"] <= row["ceiling_iou"] + 0.05  # greedy, so not quite a ceiling
    assert cat["slices"] == {
        "candidates": "2 to 4",
        "subject": "single",
        "category": "cat",
        "size": "20% and more",
        "centrality": "central",
    }
    assert results["given"]["summary"]["clear"]["exact"] == 1
    assert results["end_to_end"]["slices"]["category"]["cup"]["photos"] == 1
    json.dumps(results, allow_nan=False)


def test_labels_of_other_annotations_are_an_error(tmp_path: Path) -> None:
    labels, truth, images = write_labelled_photos(tmp_path)
    labels.write_text(labels.read_text().replace("1", "9"))
    with pytest.raises(DataError, match=r"not one labelled photo can be used: .*no usable image 9"):
        read_choice_data(labels, truth, images)
