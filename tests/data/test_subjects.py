"""Which photos teach a subject, what its mask is, and why others teach none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coco_files import disc

from vx_detectron.data.coco import DatasetDict
from vx_detectron.data.subjects import has_subject, subject_mask, why_no_subject
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
