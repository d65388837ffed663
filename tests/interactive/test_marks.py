"""Which pixels hints mark: written out, and against distances worked out one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vx_detectron.interactive import Hints, Stroke
from vx_detectron.interactive.marks import box_window, draw, obey
from vx_detectron.structures import BoolArray, DoubleArray

SIZE = 40, 60  # height and width


def distances(points: list[tuple[float, float]]) -> DoubleArray:
    """From each pixel's centre to a polyline."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    centres = np.stack([columns, rows], axis=-1)
    nearest = np.full(SIZE, np.inf)
    for a, b in zip(points, points[1:] or points, strict=False):
        start, way = np.array(a), np.array(b) - np.array(a)
        share = ((centres - start) @ way / max(float(way @ way), 1e-12)).clip(0, 1)
        foot = start + share[..., None] * way
        nearest = np.minimum(nearest, np.linalg.norm(centres - foot, axis=-1))
    return nearest


place = st.tuples(st.floats(-5, 65), st.floats(-5, 45))


@settings(max_examples=200)
@given(st.lists(place, min_size=1, max_size=4), st.floats(1, 20))
def test_a_stroke_marks_what_lies_within_half_its_width(
    points: list[tuple[float, float]], width: float
) -> None:
    keep, drop = draw(Hints(strokes=(Stroke("keep", width, tuple(points)),)), SIZE)
    apart = distances(points)
    # OpenCV draws the round ends as polygons, which lose a little at the corners.
    assert keep[apart < width / 2 - 1.5].all()
    assert not keep[apart > width / 2 + 2].any() and not drop.any()


def test_who_waits_may_leave_between_two_strokes() -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        draw(Hints(strokes=(Stroke("drop", 9, ((1, 1),)),)), SIZE, check=stop)


def test_a_point_marks_the_pixel_that_it_lies_in() -> None:
    keep, drop = draw(Hints(keep=((3.99, 7.0),), drop=((60, 40), (0, 0))), SIZE)
    assert list(zip(*np.nonzero(keep), strict=True)) == [(7, 3)]
    assert list(zip(*np.nonzero(drop), strict=True)) == [(0, 0), (39, 59)]


def test_the_later_mark_counts() -> None:
    keep_first = Stroke("keep", 10, ((10, 10), (30, 10)))
    then_drop = Stroke("drop", 4, ((20, 0), (20, 30)))
    keep, drop = draw(Hints(strokes=(keep_first, then_drop)), SIZE)
    assert drop[10, 20] and keep[10, 12] and not (keep & drop).any()
    keep, drop = draw(Hints(drop=((20.5, 10.5),), strokes=(then_drop, keep_first)), SIZE)
    assert keep[10, 20] and not drop[10, 20]


@pytest.mark.parametrize("scale", [0.1, 0.5, 3.0])
def test_no_mark_is_lost_at_another_size(scale: float) -> None:
    size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    hints = Hints(keep=((31, 22),), strokes=(Stroke("drop", 1, ((5, 5),)),))
    keep, drop = draw(hints, SIZE, size)
    assert keep[int(22 * scale), int(31 * scale)] and drop.sum() >= 1 and keep.shape == size


def test_a_mask_obeys() -> None:
    alpha = np.full((2, 3), 0.4, dtype=np.float32)
    keep: BoolArray = np.array([[1, 0, 0], [0, 0, 0]], dtype=np.bool_)
    obey(alpha, keep, keep[::-1, ::-1])
    np.testing.assert_array_equal(alpha, np.float32([[1, 0.4, 0.4], [0.4, 0.4, 0]]))


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((10.2, 5.0, 20.0, 9.5), slice(5, 10), slice(10, 20)),
        ((-50, -50, 500, 500), slice(0, 40), slice(0, 60)),
        ((59.2, 39.1, 80, 80), slice(39, 40), slice(59, 60)),
    ],
)
def test_the_window_of_a_box(
    box: tuple[float, float, float, float], rows: slice, columns: slice
) -> None:
    assert box_window(Hints(box=box), SIZE, SIZE) == (rows, columns)
    assert box_window(Hints(), SIZE, SIZE) is None
