"""Salient regions become instances of their own."""

import numpy as np
import pytest
from subject_scenes import CLASSES, CORNER_PERSON, DOG, HEIGHT, WIDTH, blank, instances, salient

from vx_detectron.structures import REGION_LABEL
from vx_detectron.subject import SubjectOptions, add_salient_regions, select

BOX = (100.0, 50.0, 200.0, 150.0)


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


def box_mask(box):
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = True
    return mask


def test_without_a_map_nothing_changes():
    found = instances([DOG])
    assert add_salient_regions(found) is found


def test_what_an_instance_explains_is_not_added():
    found = instances([DOG], salient(DOG[1]))
    assert add_salient_regions(found) is found


def test_what_several_instances_explain_together_is_not_added():
    halves = [("dog", (100, 50, 150, 150), 0.9), ("horse", (150, 50, 200, 150), 0.8)]
    found = instances(halves, salient(BOX))
    assert add_salient_regions(found) is found


def test_what_nothing_explains_becomes_an_instance():
    found = instances([CORNER_PERSON], salient(BOX))
    added = add_salient_regions(found)
    assert len(added) == 2 and len(found) == 1
    assert added.class_names == CLASSES and added.is_region.tolist() == [True, False]
    assert added.label(0) == REGION_LABEL and added.label(1) == "person"
    assert added.scores[0] == pytest.approx(1.0)
    assert added.mask_grids.shape == (2, 28, 28)
    np.testing.assert_allclose(added.boxes[0], BOX, atol=4)
    assert iou(added.soft_mask(0) > 0.5, box_mask(BOX)) > 0.93


@pytest.mark.parametrize("grid", [14, 28, 56, 112])
def test_the_mask_has_the_grid_of_the_others(grid):
    added = add_salient_regions(instances([CORNER_PERSON], salient(BOX), grid=grid))
    assert added.mask_grids.shape == (2, grid, grid)
    assert iou(added.soft_mask(0) > 0.5, box_mask(BOX)) > 0.9


@pytest.mark.parametrize("empty_grid", [28, 56, 0])
def test_it_also_works_where_nothing_was_found(empty_grid):
    added = add_salient_regions(instances([], salient(BOX), grid=empty_grid))
    assert len(added) == 1 and added.mask_grids.shape == (1, 28, 28)
    subject = select(blank(), added)
    assert subject.chosen == (0,)
    assert subject.reason.startswith("the salient region (")


def test_scores_stay_in_falling_order():
    half = 0.7 * salient(BOX)
    added = add_salient_regions(instances([CORNER_PERSON, ("dog", (1, 1, 3, 3), 0.2)], half))
    assert [added.label(index) for index in range(3)] == ["person", REGION_LABEL, "dog"]
    assert (np.diff(added.scores) <= 0).all()


def test_specks_are_left_out():
    speck = salient((10, 10, 30, 30))  # 400 of 60000 pixels
    found = instances([], speck)
    assert add_salient_regions(found) is found
    assert len(add_salient_regions(found, SubjectOptions(region_min_area=0.005))) == 1


def test_the_largest_regions_are_kept_apart_and_counted():
    boxes = [(10, 10, 60, 190), (80, 10, 140, 190), (160, 10, 200, 190), (220, 10, 290, 190)]
    added = add_salient_regions(instances([], salient(*boxes)), SubjectOptions(region_max=2))
    assert len(added) == 2
    for index, box in zip(range(2), (boxes[3], boxes[1]), strict=True):
        assert iou(added.soft_mask(index) > 0.5, box_mask(box)) > 0.9


def test_another_region_within_the_box_stays_out_of_the_mask():
    ring = salient((50, 20, 250, 180))
    ring[20:80, 40:110] = 0
    ring[40:60, 60:90] = 1  # an island within the ring: (120..180, 80..120) in the photo
    added = add_salient_regions(instances([], ring), SubjectOptions(region_max=1))
    assert len(added) == 1
    assert added.soft_mask(0)[100, 150] < 0.1 and added.soft_mask(0)[30, 150] > 0.9


@pytest.mark.parametrize("size", [(29, 39), (29, 45), (100, 57), (240, 320)])
def test_a_region_sure_of_itself_never_exceeds_one(size: tuple[int, int]) -> None:
    """OpenCV's area average of ones is a little more than one at such sizes."""
    sure = np.ones(size, dtype=np.float32)
    found = add_salient_regions(instances([], sure, size))
    assert len(found) == 1
    assert 0.999 < found.mask_grids.max() <= 1.0
    assert found.soft_mask(0).max() <= 1.0
