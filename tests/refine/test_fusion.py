"""What the saliency map may add to a mask and what it must not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vx_detectron.refine import fuse

FloatArray = NDArray[np.float32]
CELL = 5.0


def _block(*boxes: tuple[int, int, int, int], value: float = 0.97) -> FloatArray:
    mask = np.full((80, 80), 0.02, dtype=np.float32)
    for y0, y1, x0, x1 in boxes:
        mask[y0:y1, x0:x1] = value
    return mask


def _fuse(mask: FloatArray, saliency: FloatArray, **changes: float) -> FloatArray:
    return fuse(mask, saliency, CELL, **({"weight": 0.5, "reach": 2.0, "trim": 2.0} | changes))


def test_missed_rim_within_reach_is_added() -> None:
    mask = _block((20, 60, 20, 60))
    saliency = _block((12, 60, 20, 60), value=0.995)
    assert (_fuse(mask, saliency)[12:20, 20:60] >= 0.5).all()


def test_part_that_leaves_the_reach_is_not_added_at_all() -> None:
    mask = _block((20, 60, 20, 60))
    saliency = _block((20, 60, 20, 60), (0, 20, 30, 40), value=0.995)
    np.testing.assert_array_equal(_fuse(mask, saliency) >= 0.5, mask >= 0.5)


def test_far_from_the_edge_the_mask_alone_speaks() -> None:
    mask = _block((20, 60, 20, 60))
    saliency = _block((20, 60, 20, 60), value=0.6)
    fused = _fuse(mask, saliency)
    np.testing.assert_array_equal(fused[:9], mask[:9])
    np.testing.assert_array_equal(fused[31:49, 31:49], mask[31:49, 31:49])


def test_thin_leg_that_the_map_does_not_see_stays() -> None:
    mask = _block((20, 50, 20, 60), (50, 75, 38, 42))
    saliency = _block((20, 50, 20, 60), value=0.995)
    np.testing.assert_array_equal(_fuse(mask, saliency) >= 0.5, mask >= 0.5)


def test_hole_that_only_the_map_sees_does_not_open() -> None:
    mask = _block((10, 70, 10, 70))
    saliency = mask.copy()
    saliency[30:50, 30:50] = 0.0
    np.testing.assert_array_equal(_fuse(mask, saliency) >= 0.5, mask >= 0.5)


def test_neighbour_that_does_not_touch_is_not_added() -> None:
    mask = _block((20, 60, 20, 60))
    saliency = _block((20, 60, 20, 60), (20, 60, 64, 80), value=0.995)
    fused = _fuse(mask, saliency)
    assert not (fused[:, 62:] >= 0.5).any()


def test_false_part_that_the_map_denies_goes() -> None:
    mask = _block((20, 60, 20, 60), (20, 26, 60, 70), value=0.7)
    saliency = _block((20, 60, 20, 60), value=0.99)
    saliency[saliency < 0.5] = 0.0
    assert not (_fuse(mask, saliency)[20:26, 61:70] >= 0.5).any()


def test_the_map_may_take_away_farther_than_it_may_add() -> None:
    mask = _block((20, 60, 20, 60), (20, 26, 60, 75), value=0.7)  # three cells too far
    saliency = _block((20, 60, 20, 60), (40, 46, 5, 20), value=0.99)  # and so is this
    saliency[saliency < 0.5] = 0.0
    trimmed = _fuse(mask, saliency, reach=1.0, trim=4.0) >= 0.5
    np.testing.assert_array_equal(trimmed, _block((20, 60, 20, 60)) >= 0.5)
    np.testing.assert_array_equal(_fuse(mask, saliency, reach=1.0, trim=1.0) >= 0.5, mask >= 0.5)


def test_map_of_another_subject_is_not_heard() -> None:
    mask = _block((20, 60, 0, 30))
    saliency = _block((20, 60, 50, 80))
    np.testing.assert_array_equal(_fuse(mask, saliency), mask)


def test_mask_that_is_the_map_stays_nearly_the_map() -> None:
    yy, xx = np.mgrid[:80, :80]
    saliency = (1 / (1 + np.exp((np.hypot(yy - 40, xx - 40) - 25) / 2))).astype(np.float32)
    fused = _fuse(saliency.copy(), saliency)
    np.testing.assert_array_equal(fused >= 0.5, saliency >= 0.5)
    assert np.abs(fused - saliency).max() < 0.06


def test_weight_decides_who_wins() -> None:
    mask = _block((20, 60, 20, 60), value=0.8)
    saliency = _block((20, 60, 20, 50), value=0.8)
    doubted = (slice(20, 60), slice(51, 60))  # the mask says 0.8, the map 0.02
    np.testing.assert_array_equal(_fuse(mask, saliency, weight=0.0), mask)
    assert (_fuse(mask, saliency, weight=0.1)[doubted] >= 0.5).all()
    assert (_fuse(mask, saliency, weight=0.9)[doubted] < 0.5).all()


def test_mean_of_log_odds_by_hand() -> None:
    mask = np.full((4, 8), 0.8, dtype=np.float32)  # odds 4
    mask[:, 4:] = 0.2  # odds 1 / 4
    fused = _fuse(mask, np.full((4, 8), 0.5, dtype=np.float32))  # odds 1
    np.testing.assert_allclose(fused[:, :4], 2 / 3, rtol=1e-6)  # odds sqrt(4 * 1)
    np.testing.assert_allclose(fused[:, 4:], 1 / 3, rtol=1e-6)  # odds sqrt(1 / 4 * 1)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_empty_mask_stays_empty(value: float) -> None:
    mask = np.full((8, 8), value, dtype=np.float32)
    np.testing.assert_array_equal(_fuse(mask, np.ones_like(mask)), mask)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"mask's shape \(4, 4\), got \(4, 5\)"):
        _fuse(np.ones((4, 4), np.float32), np.ones((4, 5), np.float32))


def test_inputs_are_left_alone() -> None:
    mask, saliency = _block((20, 60, 20, 60)), _block((20, 60, 20, 60))
    for array in (mask, saliency):
        array.setflags(write=False)
    assert _fuse(mask, saliency) is not mask
