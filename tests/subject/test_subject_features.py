"""The features, each against a value worked out by hand."""

import numpy as np
import pytest
from subject_scenes import DOG, HEIGHT, WIDTH, instances, salient

from vx_detectron.records import Instances
from vx_detectron.subject.features import measure

NOTHING = salient()


def features_of(box, saliency=NOTHING, score=0.9):
    return measure(instances([("dog", box, score)], saliency), saliency).values[0]


def test_a_salient_thing_on_a_plain_ground_has_full_saliency():
    assert features_of(DOG[1], salient(DOG[1]))["saliency"] == pytest.approx(1.0, abs=0.05)


def test_saliency_is_against_the_surroundings():
    everywhere = salient((0, 0, WIDTH, HEIGHT))
    assert features_of(DOG[1], everywhere)["saliency"] == 0.0
    elsewhere = salient((0, 0, 60, HEIGHT))
    assert features_of(DOG[1], elsewhere)["saliency"] == 0.0


def test_size_is_the_square_root_of_the_area_until_about_half_of_the_photo():
    sixth = 100 * 100 / (HEIGHT * WIDTH)
    assert features_of(DOG[1])["size"] == pytest.approx(np.sqrt(sixth) / 0.7, abs=0.02)
    assert features_of((0, 0, WIDTH, 0.6 * HEIGHT))["size"] == 1.0
    assert features_of((0, 0, WIDTH, HEIGHT))["size"] == 1.0


def test_centrality_falls_with_the_distance_to_the_centre():
    assert features_of(DOG[1])["centrality"] == pytest.approx(1.0, abs=0.001)
    quarter = features_of((50, 50, 100, 150))["centrality"]  # a quarter of the width aside
    assert quarter == pytest.approx(np.exp(-4 * 0.25**2), abs=0.01)


def test_confidence_is_the_score():
    assert features_of(DOG[1], score=0.37)["confidence"] == pytest.approx(0.37)


def test_a_thing_within_the_frame_has_full_border():
    assert features_of(DOG[1])["border"] == 1.0


def test_each_border_cuts_but_the_lower_one_little():
    border = {
        side: features_of(box)["border"]
        for side, box in {
            "top": (100, 0, 200, 100),
            "bottom": (100, 100, 200, 200),
            "left": (0, 50, 100, 150),
            "right": (200, 50, 300, 150),
        }.items()
    }
    assert border["top"] == pytest.approx(0.75, abs=0.05)  # one of four equal sides
    assert border["left"] == border["right"] == pytest.approx(border["top"], abs=0.01)
    assert border["bottom"] > 0.9


def test_a_thing_that_fills_the_photo_is_nearly_all_border():
    assert features_of((0, 0, WIDTH, HEIGHT))["border"] < 0.25


def test_a_thing_below_the_thumbnail_s_resolution_counts_for_nothing():
    one = instances([("dog", (5.6, 5.6, 5.9, 5.9), 0.9)])
    values = measure(one, NOTHING)
    assert not values.masks.any() and values.areas[0] == 0
    assert values.values[0]["size"] == values.values[0]["saliency"] == 0
    assert 0 < values.values[0]["centrality"] < 0.5


def test_no_instances_give_no_features():
    nothing = measure(instances([]), NOTHING)
    assert len(nothing) == 0 and nothing.masks.shape[0] == 0


def test_a_network_s_broken_numbers_stay_within_bounds():
    broken = instances([DOG])
    broken = Instances(
        image_size=broken.image_size,
        boxes=broken.boxes,
        scores=np.array([np.nan], dtype=np.float32),
        classes=broken.classes,
        mask_grids=broken.mask_grids,
        class_names=broken.class_names,
    )
    saliency = np.full((10, 10), np.nan, dtype=np.float32)
    saliency[4:6, 4:6] = 7.0
    values = measure(broken, saliency).values[0]
    assert all(0 <= value <= 1 for value in values.values())
