"""GrabCut seeded by a saliency map."""

import numpy as np
import pytest
from subject_scenes import disc_mask, disc_on_grass

from vx_detectron.subject import classical_saliency, grabcut_fallback


def test_it_cuts_out_the_disc():
    photo = disc_on_grass()
    alpha = grabcut_fallback(photo, classical_saliency(photo))
    assert alpha.dtype == np.float32 and alpha.shape == photo.shape[:2]
    assert alpha.min() >= 0 and alpha.max() <= 1
    found = alpha > 0.5
    assert (found & disc_mask()).sum() / (found | disc_mask()).sum() > 0.97


def test_a_coarse_map_of_a_large_photo_still_finds_the_edge():
    size = (900, 1200)
    photo, mask = disc_on_grass(size), disc_mask(size)
    rough = np.zeros((9, 12), dtype=np.float32)
    rough[2:7, 3:9] = 0.7
    rough[4, 5:7] = 1.0
    alpha = grabcut_fallback(photo, rough)
    assert ((alpha > 0.5) & mask).sum() / ((alpha > 0.5) | mask).sum() > 0.95
    assert ((alpha > 0) & (alpha < 1)).any()  # enlarged softly


def test_the_same_photo_gives_the_same_cut(chelsea):
    saliency = classical_saliency(chelsea)
    first = grabcut_fallback(chelsea, saliency)
    np.testing.assert_array_equal(first, grabcut_fallback(chelsea, saliency))


def test_its_inputs_are_left_alone():
    photo = disc_on_grass()
    saliency = classical_saliency(photo)
    before = photo.copy(), saliency.copy()
    grabcut_fallback(photo, saliency)
    np.testing.assert_array_equal(photo, before[0])
    np.testing.assert_array_equal(saliency, before[1])


HALF = np.zeros((60, 80), dtype=np.float32)
HALF[20:40, 20:60] = 1.0


@pytest.mark.parametrize(
    ("photo", "saliency"),
    [
        (np.full((60, 80, 3), 90, dtype=np.uint8), HALF),
        (disc_on_grass((60, 80)), np.zeros((6, 8), dtype=np.float32)),
        (disc_on_grass((60, 80)), np.ones((6, 8), dtype=np.float32)),
        (disc_on_grass((60, 80)), np.full((6, 8), np.nan, dtype=np.float32)),
        (np.zeros((1, 1, 3), dtype=np.uint8), np.ones((1, 1), dtype=np.float32)),
        (np.zeros((2, 3, 3), dtype=np.uint8), HALF),
    ],
    ids=["flat", "nothing salient", "all salient", "no numbers", "one pixel", "six pixels"],
)
def test_a_photo_without_anything_to_go_by_gives_none(photo, saliency):
    assert grabcut_fallback(photo, saliency) is None


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(h, w\)"):
        grabcut_fallback(disc_on_grass(), np.zeros((4, 4, 1), dtype=np.float32))
