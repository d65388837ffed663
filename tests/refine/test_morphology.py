"""Specks, holes and outline, against labels counted by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from vx_detectron.refine import clean

FloatArray = NDArray[np.float32]


def _square(size: int = 60) -> FloatArray:
    mask = np.zeros((size, size), dtype=np.float32)
    mask[10:50, 10:50] = 1
    return mask


def _clean(mask: FloatArray, **changes: float) -> FloatArray:
    options = {"speck_fraction": 0.01, "hole_cells": 1.0} | changes
    return clean(mask, 4.0, **options)


def test_speck_goes_and_second_person_stays() -> None:
    mask = _square()
    mask[2:5, 2:5] = 1  # 9 pixels, under 1 % of 1600
    mask[52:58, 20:40] = 1  # 120 pixels
    parts = ndimage.label(_clean(mask) >= 0.5)[1]
    assert parts == 2
    np.testing.assert_array_equal(_clean(mask)[50:], mask[50:])


def test_soft_skirt_of_a_speck_goes_with_it() -> None:
    mask = _square()
    mask[1:6, 1:6] = 0.3
    mask[3, 3] = 0.9
    assert _clean(mask)[:8, :8].max() == 0


def test_small_hole_closes_and_real_hole_stays() -> None:
    mask = _square()
    mask[20:23, 20:23] = 0  # 9 pixels, a cell has 16
    mask[30:40, 30:40] = 0
    holes = ndimage.binary_fill_holes(_clean(mask) >= 0.5) & (_clean(mask) < 0.5)
    assert holes.sum() == 100
    assert holes[30:40, 30:40].all()


def test_bay_at_the_border_is_no_hole() -> None:
    mask = np.ones((20, 20), dtype=np.float32)
    mask[0:2, 8:10] = 0
    np.testing.assert_array_equal(_clean(mask), mask)


def test_diagonal_gap_is_a_hole_of_its_own() -> None:
    # Four-connected background: the corner does not open the hole to the outside.
    mask = _square()
    mask[10:13, 10:13] = 0
    mask[13:16, 13:16] = 0
    cleaned = _clean(mask)
    assert cleaned[13:16, 13:16].min() == 1
    assert cleaned[10:13, 10:13].max() == 0


def test_nothing_to_clean_changes_nothing() -> None:
    soft = ndimage.gaussian_filter(_square(), 2).astype(np.float32)
    np.testing.assert_array_equal(_clean(soft), soft)


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_uniform_masks_stay(value: float) -> None:
    mask = np.full((7, 9), value, dtype=np.float32)
    np.testing.assert_array_equal(_clean(mask), mask)


def test_input_is_left_alone() -> None:
    mask = _square()
    mask[2, 2] = 1
    mask.setflags(write=False)
    assert _clean(mask) is not mask
