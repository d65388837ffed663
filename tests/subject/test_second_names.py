"""One thing under several names counts once; things that overlap a little stay apart."""

from __future__ import annotations

import numpy as np
from subject_scenes import blank, instances, salient

from vx_detectron.structures import REGION_LABEL
from vx_detectron.subject import Choice, add_salient_regions, drop_second_names, select

CAT = (60.0, 30.0, 240.0, 180.0)
NEARLY_CAT = (66.0, 34.0, 236.0, 182.0)


def test_the_most_confident_name_stays() -> None:
    found = instances([("dog", CAT, 0.8), ("horse", NEARLY_CAT, 0.4), ("person", CAT, 0.2)])
    kept = drop_second_names(found)
    assert [kept.label(i) for i in range(len(kept))] == ["dog"]
    assert kept.scores.tolist() == found.scores[:1].tolist()


def test_rider_and_horse_stay_two() -> None:
    rider, horse = (110.0, 10.0, 170.0, 120.0), (60.0, 80.0, 240.0, 190.0)
    assert len(drop_second_names(instances([("person", rider, 0.9), ("horse", horse, 0.8)]))) == 2


def test_the_reason_names_the_thing_once() -> None:
    map_of_it = salient(CAT)
    found = instances([("dog", CAT, 0.8), ("horse", NEARLY_CAT, 0.7)], map_of_it)
    assert "horse" in select(blank(), found).reason
    assert "horse" not in select(blank(), drop_second_names(found)).reason


def test_nothing_and_empty_masks_are_no_doubles() -> None:
    assert len(drop_second_names(instances([]))) == 0
    two = instances([("dog", CAT, 0.8), ("horse", CAT, 0.7)])
    empty = type(two)(**{**_fields(two), "mask_grids": np.zeros_like(two.mask_grids)})
    assert len(drop_second_names(empty)) == 2


def _fields(record: object) -> dict[str, object]:
    names = ("image_size", "boxes", "scores", "classes", "mask_grids", "class_names", "saliency")
    return {name: getattr(record, name) for name in names}


def test_a_region_completes_the_thing_and_a_pointing_finger_means_the_thing() -> None:
    found = add_salient_regions(instances([("dog", CAT, 0.9)], salient(CAT)))
    assert sorted(found.label(i) for i in range(len(found))) == ["dog", REGION_LABEL]
    subject = select(blank(), found)
    assert len(subject.chosen) == 2
    assert subject.reason.startswith("the dog, completed by the saliency map")
    pointed = select(blank(), found, choice=Choice(point=(150, 100)))
    assert [found.label(i) for i in pointed.chosen] == ["dog"]
