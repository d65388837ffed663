"""Which photos teach a subject, what its mask is, and why others teach none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coco_files import disc

from vx_detectron.config import load_cfg
from vx_detectron.data.categories import Categories
from vx_detectron.data.coco import DatasetDict
from vx_detectron.data.subjects import (
    CROWD,
    SubjectRule,
    find_subject,
    has_subject,
    mark_subjects,
    reasons,
    rule_of,
    subject_mask,
    why_no_subject,
)
from vx_detectron.errors import DataError
from vx_detectron.rle import encode_mask

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

LARGE, SMALL = disc(40, 50, 20, 20, 14), disc(40, 50, 42, 8, 5)
RIVAL = disc(40, 50, 36, 24, 12)


def record(kind: str, *masks: np.ndarray, **extra: Any) -> DatasetDict:
    annotations = [{"area": int(m.sum()), "segmentation": encode_mask(m), **extra} for m in masks]
    return {"height": 40, "width": 50, "mask_kind": kind, "annotations": annotations}


def test_a_subject_photo_keeps_all_its_masks() -> None:
    photo = record("subject", LARGE, SMALL)
    assert has_subject(photo)
    assert np.array_equal(subject_mask(photo), LARGE | SMALL)


def test_an_instance_photo_has_its_one_large_thing_as_subject() -> None:
    photo = record("instance", SMALL, LARGE)
    assert has_subject(photo)
    assert np.array_equal(subject_mask(photo), LARGE)


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (record("instance"), "nothing is annotated"),
        (record("subject"), "nothing is annotated"),
        (record("instance", SMALL), "the largest is small"),
        (record("instance", LARGE, RIVAL), "the largest has a rival"),
        (record("instance", LARGE, iscrowd=1), "the largest is a crowd"),
    ],
)
def test_why_there_is_no_subject(photo: DatasetDict, reason: str) -> None:
    assert why_no_subject(photo) == reason
    assert not has_subject(photo)


def with_classes(*classes: int) -> DatasetDict:
    """LARGE, RIVAL and SMALL, of these categories."""
    photo = record("instance", *(LARGE, RIVAL, SMALL)[: len(classes)])
    for one, category in zip(photo["annotations"], classes, strict=True):
        one["category_id"] = category
    return photo


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (SubjectRule(), "the largest has a rival"),
        (SubjectRule(everything=True), (0, 1, 2)),
        (SubjectRule(max_rival=1), (0,)),
        (SubjectRule(categories=frozenset({2})), (1,)),
        (SubjectRule(categories=frozenset({3})), "the largest is small"),
        (SubjectRule(categories=frozenset({3}), min_share=0.01), (2,)),
        (SubjectRule(categories=frozenset({9})), "none of VX.DATA.SUBJECT.CLASSES is annotated"),
    ],
)
def test_other_rules_find_other_subjects(rule: SubjectRule, found: tuple[int, ...] | str) -> None:
    photo = with_classes(1, 2, 3)
    mark_subjects([photo], rule)
    assert find_subject(photo, rule) == found
    assert has_subject(photo) is isinstance(found, tuple)
    if isinstance(found, tuple):
        masks = [(LARGE, RIVAL, SMALL)[place] for place in found]
        assert np.array_equal(subject_mask(photo), np.any(masks, axis=0))


def test_an_instance_may_be_marked_as_the_subject() -> None:
    photo = with_classes(1, 2, 3)
    photo["annotations"][2]["subject"] = True
    assert find_subject(photo) == (2,)
    assert np.array_equal(subject_mask(photo), SMALL)


def test_everything_is_no_crowd() -> None:
    photo = record("instance", LARGE, SMALL)
    photo["annotations"][1]["iscrowd"] = 1
    assert find_subject(photo, SubjectRule(everything=True)) == (0,)
    assert find_subject(record("instance", LARGE, iscrowd=1), SubjectRule(everything=True)) == CROWD


def test_the_rule_is_that_of_the_configuration() -> None:
    keys = ["VX.DATA.SUBJECT.RULE", "all", "VX.DATA.SUBJECT.CLASSES", "['dog']"]
    rule = rule_of(load_cfg(None, keys), Categories({3: "dog", 4: "cat"}))
    assert rule.everything and rule.categories == {3}
    assert rule_of(load_cfg(), Categories({3: "dog"})) == SubjectRule()
    with pytest.raises(DataError, match="CLASSES names dog, but the data has cat"):
        rule_of(load_cfg(None, keys), Categories({4: "cat"}))


def test_reasons_are_counted_with_the_key_that_changes_them() -> None:
    photos = [record("instance", SMALL), record("instance", SMALL), record("instance"),
              record("instance", LARGE)]  # fmt: skip
    assert reasons(photos) == [
        "the largest is small: 2 (see VX.DATA.SUBJECT.MIN_SHARE)",
        "nothing is annotated: 1",
    ]
