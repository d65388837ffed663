"""The features, each against a value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from subject_scenes import DOG, HEIGHT, WIDTH, Box, Thing, blank, instances, salient

from vx_detectron.structures import Instances
from vx_detectron.subject import FEATURES, add_salient_regions, look, measure

Picture = NDArray[np.uint8]
NOTHING = salient()


def features(
    things: list[Thing] | Instances,
    *group: int,
    saliency: NDArray[np.float32] = NOTHING,
    photo: Picture | None = None,
) -> dict[str, float]:
    """Of one set of the things, by name."""
    found = instances(things, saliency) if isinstance(things, list) else things
    scene = look(blank() if photo is None else photo, found)
    row = measure(scene, [group or (0,)])[0]
    return dict(zip(FEATURES, row.tolist(), strict=True))


def features_of(
    box: Box, saliency: NDArray[np.float32] = NOTHING, score: float = 0.9
) -> dict[str, float]:
    return features([("dog", box, score)], saliency=saliency)


def test_a_salient_thing_on_a_plain_ground_has_full_saliency() -> None:
    assert features_of(DOG[1], salient(DOG[1]))["saliency"] == pytest.approx(1.0, abs=0.05)


def test_saliency_is_against_the_surroundings() -> None:
    everywhere = salient((0, 0, WIDTH, HEIGHT))
    assert features_of(DOG[1], everywhere)["saliency"] == 0.0
    elsewhere = salient((0, 0, 60, HEIGHT))
    assert features_of(DOG[1], elsewhere)["saliency"] == 0.0


def test_size_is_the_square_root_of_the_area_until_about_half_of_the_photo() -> None:
    sixth = 100 * 100 / (HEIGHT * WIDTH)
    assert features_of(DOG[1])["size"] == pytest.approx(np.sqrt(sixth) / 0.7, abs=0.02)
    assert features_of((0, 0, WIDTH, 0.6 * HEIGHT))["size"] == 1.0
    assert features_of((0, 0, WIDTH, HEIGHT))["size"] == 1.0


def test_centrality_falls_with_the_distance_to_the_centre() -> None:
    assert features_of(DOG[1])["centrality"] == pytest.approx(1.0, abs=0.001)
    quarter = features_of((50, 50, 100, 150))["centrality"]  # a quarter of the width aside
    assert quarter == pytest.approx(np.exp(-4 * 0.25**2), abs=0.01)


def test_confidence_is_the_score() -> None:
    assert features_of(DOG[1], score=0.37)["confidence"] == pytest.approx(0.37)


def test_a_thing_within_the_frame_has_full_border() -> None:
    assert features_of(DOG[1])["border"] == 1.0


def test_each_border_cuts_but_the_lower_one_little() -> None:
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


def test_a_thing_that_fills_the_photo_is_nearly_all_border() -> None:
    assert features_of((0, 0, WIDTH, HEIGHT))["border"] < 0.25


def test_a_thing_below_the_thumbnail_s_resolution_is_tiny_and_where_its_box_is() -> None:
    values = features_of((5.6, 5.6, 5.9, 5.9), score=0.9)
    assert 0 < values["size"] < 0.02
    assert 0 < values["centrality"] < 0.5


def test_focus_compares_the_detail_inside_with_that_outside() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    x0, y0, x1, y1 = map(int, DOG[1])
    sharp = blank() + np.uint8(128)
    sharp[y0:y1, x0:x1] = noise[y0:y1, x0:x1]
    assert features([DOG], photo=sharp)["focus"] > 0.95
    blurred = noise.copy()
    blurred[y0:y1, x0:x1] = 128
    assert features([DOG], photo=blurred)["focus"] < 0.05
    assert features([DOG], photo=noise)["focus"] == pytest.approx(0.5, abs=0.05)


def test_attention_is_the_f_measure_with_the_map() -> None:
    assert features_of(DOG[1], salient(DOG[1]))["attention"] > 0.97
    half = features_of((100, 50, 150, 150), salient(DOG[1]))["attention"]
    assert half == pytest.approx(2 * 1.0 * 0.5 / (1.0 + 0.5), abs=0.02)
    assert features_of((0, 0, 60, 60), salient(DOG[1]))["attention"] == 0


# --- groups ----------------------------------------------------------------------------------

LEFT: Thing = ("person", (60, 50, 110, 150), 0.9)
RIGHT: Thing = ("person", (190, 50, 240, 150), 0.6)
SMALL: Thing = ("person", (250, 50, 275, 100), 0.9)
TABLE: Thing = ("dining table", (110, 50, 160, 150), 0.9)


def test_a_group_is_measured_by_its_union() -> None:
    apart = [("dog", (100, 50, 150, 150), 0.9), ("dog", (150, 50, 200, 150), 0.9)]
    together, whole = features(apart, 0, 1), features([DOG])
    for name in ("size", "centrality", "border"):
        assert together[name] == pytest.approx(whole[name], abs=0.01)


def test_members_count_by_their_area() -> None:
    assert features([LEFT, RIGHT], 0, 1)["confidence"] == pytest.approx(0.75, abs=0.01)
    assert features([LEFT, TABLE], 0, 1)["alive"] == pytest.approx(0.5, abs=0.02)
    assert features([LEFT, TABLE], 0, 1)["furniture"] == 1
    assert features([LEFT, TABLE], 0)["furniture"] == 0


def test_evenness_is_the_side_of_the_smallest_to_that_of_the_largest() -> None:
    assert features([LEFT, SMALL], 0, 1)["evenness"] == pytest.approx(0.5, abs=0.03)
    assert features([LEFT, SMALL], 1)["evenness"] == 1


def test_members_are_bound_by_contact_and_by_likeness() -> None:
    dog: Thing = ("dog", (5, 5, 25, 25), 0.9)
    assert features([LEFT, TABLE], 0, 1)["unrelated"] == 0  # they touch
    assert features([LEFT, RIGHT], 0, 1)["unrelated"] == 0  # two people
    assert features([LEFT, dog], 0, 1)["unrelated"] == 0.5
    assert features([LEFT, RIGHT, dog], 0, 1, 2)["unrelated"] == pytest.approx(1 / 3)


def test_equipment_is_what_a_person_touches_and_rides_or_plays_with() -> None:
    board: Thing = ("skateboard", (55, 145, 115, 165), 0.9)
    assert features([LEFT, board], 0, 1)["equipment"] == 1
    assert features([LEFT, board], 0)["equipment"] == 0
    assert features([RIGHT, board], 0, 1)["equipment"] == 0  # out of reach
    assert features([LEFT, TABLE], 0, 1)["equipment"] == 0


def test_what_is_left_out() -> None:
    things = [LEFT, RIGHT, SMALL, TABLE]
    assert features(things, 0)["kin_left_out"] == pytest.approx(1, abs=0.02)
    assert features(things, 0, 1)["kin_left_out"] == pytest.approx(0.25, abs=0.03)
    assert features(things, 3)["kin_left_out"] == 0
    assert features(things, 0)["neighbour_left_out"] == pytest.approx(1, abs=0.05)  # the table
    assert features(things, 1)["neighbour_left_out"] == 0


def test_a_salient_region_is_named_and_is_like_nothing() -> None:
    boxes = [(10.0, 10.0, 60.0, 190.0), (200.0, 10.0, 250.0, 190.0)]
    found = add_salient_regions(instances([], salient(*boxes)))
    assert len(found) == 2
    values = features(found, 0)
    assert values["only_region"] == 1 and values["kin_left_out"] == 0


def test_no_instances_give_no_features() -> None:
    scene = look(blank(), instances([], NOTHING))
    assert measure(scene, []).shape == (0, len(FEATURES))


def test_a_network_s_broken_numbers_stay_within_bounds() -> None:
    broken = instances([DOG])
    saliency = np.full((10, 10), np.nan, dtype=np.float32)
    saliency[4:6, 4:6] = 7.0
    broken = Instances(
        image_size=broken.image_size,
        boxes=broken.boxes,
        scores=np.array([np.nan], dtype=np.float32),
        classes=broken.classes,
        mask_grids=broken.mask_grids,
        class_names=broken.class_names,
        saliency=saliency,
    )
    assert all(0 <= value <= 1 for value in features(broken).values())
