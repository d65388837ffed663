"""A hint changes the part that holds it, on masks drawn by hand."""

from __future__ import annotations

import numpy as np

from vx_detectron.interactive.reach import within_reach
from vx_detectron.structures import BoolArray, FloatArray

SIZE = 40, 60


def mask(*rectangles: tuple[int, int, int, int], value: float = 1.0) -> FloatArray:
    """Rows from, to, columns from, to."""
    drawn = np.zeros(SIZE, dtype=np.float32)
    for top, bottom, left, right in rectangles:
        drawn[top:bottom, left:right] = value
    return drawn


def marked(*places: tuple[int, int]) -> BoolArray:
    found = np.zeros(SIZE, dtype=np.bool_)
    for row, column in places:
        found[row, column] = True
    return found


NONE = marked()


def test_only_the_part_that_holds_the_mark_comes_in() -> None:
    before, after = mask((5, 15, 5, 15)), mask((5, 15, 5, 15), (5, 15, 20, 30), (25, 35, 40, 50))
    out = within_reach(before, after, marked((10, 25)), NONE)
    np.testing.assert_array_equal(out, mask((5, 15, 5, 15), (5, 15, 20, 30)))


def test_only_the_part_that_holds_the_mark_goes_out() -> None:
    before, after = mask((5, 15, 5, 15), (25, 35, 40, 50)), mask()
    out = within_reach(before, after, NONE, marked((30, 45)))
    np.testing.assert_array_equal(out, mask((5, 15, 5, 15)))


def test_what_is_to_be_kept_takes_nothing_away() -> None:
    before, after = mask((5, 35, 5, 15)), mask((5, 15, 5, 30))
    out = within_reach(before, after, marked((10, 25)), NONE)
    np.testing.assert_array_equal(out >= 0.5, mask((5, 35, 5, 15), (5, 15, 15, 30)) > 0)


def test_a_ribbon_along_the_edge_does_not_connect() -> None:
    """An edge that moves by a pixel all around is not part of the change at the mark."""
    before = mask((10, 30, 10, 30))
    after = mask((9, 31, 9, 31), (15, 25, 31, 45))
    out = within_reach(before, after, marked((20, 40)), NONE)
    assert out[20, 40] == 1 and out[20, 9] == 0 and out[9, 20] == 0 and out[30, 12] == 0


def test_softness_comes_along_with_what_changes() -> None:
    before, after = mask(), mask((5, 15, 5, 15))
    after[5:15, 4] = 0.3
    after[30, 40] = 0.4
    out = within_reach(before, after, marked((10, 10)), NONE)
    assert (out[5:15, 4] == np.float32(0.3)).all() and out[30, 40] == 0


def test_without_a_change_nothing_changes() -> None:
    before = mask((5, 15, 5, 15), value=0.7)
    out = within_reach(before, mask((5, 15, 5, 15), value=0.9), marked((10, 10)), NONE)
    np.testing.assert_array_equal(out, before)
