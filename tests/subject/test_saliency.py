"""The classical saliency map, and which map is taken."""

import numpy as np
import pytest
from subject_scenes import DOG, blank, disc_mask, disc_on_grass, instances, salient

from vx_detectron.subject.saliency import classical_saliency, saliency_of


def resized(mask, shape):
    rows = (np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]
    columns = (np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]
    return mask[rows.astype(int)][:, columns.astype(int)]


def test_what_stands_out_from_the_border_is_salient():
    saliency = classical_saliency(disc_on_grass())
    mask = resized(disc_mask(), saliency.shape)
    assert saliency.dtype == np.float32
    assert saliency[mask].mean() > 0.8
    assert saliency[~mask].mean() < 0.2
    found = saliency > 0.5
    assert (found & mask).sum() / (found | mask).sum() > 0.7


def test_a_subject_that_touches_one_border_is_still_salient():
    photo = blank((100, 100)) + 120
    photo[40:, 30:70] = (200, 160, 20)
    saliency = classical_saliency(photo.astype(np.uint8))
    assert saliency[60, 50] > 0.5 > saliency[20, 10]


def test_the_map_is_a_thumbnail_of_the_whole_photo():
    assert classical_saliency(np.zeros((400, 200, 3), dtype=np.uint8)).shape == (100, 50)
    assert classical_saliency(np.zeros((30, 40, 3), dtype=np.uint8)).shape == (30, 40)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 500), (500, 1), (3, 2)])
def test_tiny_photos_give_a_finite_map(size):
    photo = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    saliency = classical_saliency(photo)
    assert np.isfinite(saliency).all()
    assert saliency.min() >= 0 and saliency.max() <= 1


def test_nothing_stands_out_of_a_flat_photo():
    assert not classical_saliency(np.full((50, 70, 3), 77, dtype=np.uint8)).any()


def test_resolution_hardly_matters(chelsea):
    large = chelsea.repeat(4, axis=0).repeat(4, axis=1)
    assert abs(classical_saliency(large) - classical_saliency(chelsea)).mean() < 0.03


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((0, 4, 3), dtype=np.uint8),
    ],
)
def test_other_arrays_are_refused_with_their_shape(image):
    with pytest.raises(ValueError, match=r"uint8 of shape \(height, width, 3\).*got"):
        classical_saliency(image)


def test_the_learned_map_is_taken_where_there_is_one():
    learned = salient(DOG[1])
    taken, source = saliency_of(blank(), instances([DOG], learned))
    assert taken is learned and source == "learned saliency"


def test_without_a_learned_map_the_classical_one_is_taken_and_named():
    photo = disc_on_grass()
    taken, source = saliency_of(photo, instances([], size=photo.shape[:2]))
    assert source == "classical saliency"
    np.testing.assert_array_equal(taken, classical_saliency(photo))
