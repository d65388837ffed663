"""The records that flow between the steps: what they refuse, and what they know."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vx_detectron.structures import Candidate, Instances, Subject


def instances(**changes: object) -> Instances:
    """A dog and a cat in a photo of 20 x 40."""
    fields = {
        "image_size": (20, 40),
        "boxes": np.float32([[0, 0, 20, 10], [20, 5, 36, 9]]),
        "scores": np.float32([0.9, 0.6]),
        "classes": np.array([1, 0]),
        "mask_grids": np.ones((2, 4, 4), dtype=np.float32),
        "class_names": ("cat", "dog"),
        **changes,
    }
    return Instances(**fields)  # type: ignore[arg-type]


def nothing() -> Instances:
    return instances().take([])


def test_instances_know_their_number_and_names() -> None:
    found = instances()
    assert len(found) == 2
    assert [found.label(index) for index in range(2)] == ["dog", "cat"]


def test_nothing_found_is_a_valid_record() -> None:
    empty = nothing()
    assert len(empty) == 0
    assert empty.boxes.shape == (0, 4)
    assert empty.mask_grids.shape == (0, 4, 4)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("boxes", np.zeros((2, 5), np.float32), "boxes must be float32 of shape 2x4, .* 2x5"),
        ("boxes", np.zeros((2, 4)), "boxes must be float32 .*, got float64"),
        ("boxes", np.zeros((1, 4), np.float32), "shape 2x4, got float32 of shape 1x4"),
        ("scores", np.zeros((2, 1), np.float32), r"scores must be float32 of shape 2, .* 2x1"),
        ("classes", np.zeros(2, np.int32), "classes must be int64 .*, got int32"),
        ("mask_grids", np.zeros((2, 4), np.float32), r"mask_grids .* shape 2x\?x\?, .* 2x4"),
        ("mask_grids", np.zeros((2, 4, 4), bool), "mask_grids must be float32"),
        ("saliency", np.zeros((5, 5, 1), np.float32), r"saliency must be .* \?x\?"),
        ("classes", np.array([0, 2]), r"index the 2 class names, got 0\.\.2"),
        ("classes", np.array([-1, 0]), r"got -1\.\.0"),
    ],
)
def test_a_wrong_array_is_refused_with_what_was_expected(
    field: str, value: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        instances(**{field: value})


def test_a_soft_mask_lies_in_its_box() -> None:
    mask = instances().soft_mask(1)
    assert mask.shape == (20, 40)
    assert mask.dtype == np.float32
    assert mask[6:8, 22:34].min() == 1.0
    assert mask[:4].max() == mask[:, :17].max() == 0.0


def test_a_soft_mask_of_another_size_is_the_same_mask_scaled() -> None:
    rng = np.random.default_rng(0)
    found = instances(mask_grids=rng.random((2, 4, 4), dtype=np.float32))
    for index in range(2):
        large, small = found.soft_mask(index, (60, 120)), found.soft_mask(index)
        assert large.shape == (60, 120)
        # The middle one of three pixels has the same centre as the one pixel.
        assert np.allclose(large[1::3, 1::3], small, atol=1e-5)


def test_a_soft_mask_does_not_fade_where_the_frame_cuts_the_thing_off() -> None:
    """The dog lies in the upper left corner of the frame, the cat does not."""
    dog, cat = instances().soft_mask(0), instances().soft_mask(1)
    assert dog[0, 0] == dog[5, 0] == 1.0
    assert dog[5, 19] < 1.0 and cat[7, 20] < 1.0


def test_a_mask_cell_is_the_boxes_mean_side_over_the_grid() -> None:
    assert instances().mask_cell(0) == pytest.approx(np.sqrt(20 * 10) / 4)
    assert instances().mask_cell(1) == pytest.approx(np.sqrt(16 * 4) / 4)


def test_a_mask_cell_is_never_nothing() -> None:
    assert instances(boxes=np.zeros((2, 4), np.float32)).mask_cell(0) == 0.25


def test_take_keeps_the_order_asked_for() -> None:
    taken = instances(saliency=np.ones((3, 5), np.float32)).take([1, 0])
    assert [taken.label(index) for index in range(2)] == ["cat", "dog"]
    assert taken.scores.tolist() == pytest.approx([0.6, 0.9])
    assert taken.boxes[0].tolist() == [20, 5, 36, 9]
    assert taken.saliency is not None and taken.saliency.shape == (3, 5)


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        instances().scores = np.zeros(2, np.float32)  # type: ignore[misc]


def test_a_subject_is_true_when_something_is_chosen() -> None:
    one = Candidate(index=0, label="dog", score=0.7, features={}, contributions={})
    assert Subject(chosen=(0,), ranking=(one,), reason="the only one", method="ranking")
    assert not Subject(chosen=(), ranking=(one,), reason="too small", method="ranking")
