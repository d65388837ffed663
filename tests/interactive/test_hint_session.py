"""What a session makes of answers: marks are obeyed, and what was asked before is not felt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vx_detectron.interactive import Hints, Stroke
from vx_detectron.interactive.graph_cut import GraphCut
from vx_detectron.interactive.marks import draw
from vx_detectron.interactive.segmenter import InteractiveSegmenter
from vx_detectron.interactive.session import WORKING_PIXELS, HintSession
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances

SIZE = 48, 64  # height and width


class Contrary:
    """A segmenter that answers the opposite of every mark, and counts how often it is asked."""

    name = "contrary"
    redraws = True

    def __init__(self) -> None:
        self.opened, self.asked = 0, 0
        self.nbytes = 0

    def open(self, image: ByteArray, instances: Instances | None) -> Contrary:
        self.opened += 1
        return self

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        self.asked += 1
        assert keep.shape == drop.shape and not (keep & drop).any()
        return np.where(keep, np.float32(0), np.float32(1))


def photo() -> ByteArray:
    """A red disc on noisy green."""
    noise = np.random.default_rng(0).integers(-10, 11, (*SIZE, 3))
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (rows - 24) ** 2 + (columns - 32) ** 2 < 15**2
    colours = np.where(inside[..., None], (200, 50, 40), (40, 150, 50))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def session(segmenter: InteractiveSegmenter) -> HintSession:
    return HintSession(photo(), nothing(), segmenter)


def nothing() -> Instances:
    empty = np.zeros(0, dtype=np.float32)
    return Instances(
        SIZE, np.zeros((0, 4), np.float32), empty, np.zeros(0, np.int64),
        np.zeros((0, 2, 2), np.float32), (),
    )  # fmt: skip


place = st.tuples(st.floats(0, SIZE[1]), st.floats(0, SIZE[0]))
stroke = st.builds(
    Stroke,
    st.sampled_from(["keep", "drop"]),
    st.floats(1, 20),
    st.lists(place, min_size=1, max_size=3).map(tuple),
)
box = st.none() | st.tuples(st.floats(0, 30), st.floats(0, 20)).map(
    lambda corner: (corner[0], corner[1], corner[0] + 20, corner[1] + 15)
)
hints = st.builds(
    Hints,
    st.lists(place, max_size=2).map(tuple),
    st.lists(place, max_size=2).map(tuple),
    st.lists(stroke, max_size=4).map(tuple),
    box,
).filter(bool)


@pytest.mark.parametrize("segmenter", [Contrary, GraphCut])
@settings(max_examples=40)
@given(hints=hints, from_cut=st.booleans())
def test_marked_pixels_are_as_they_were_marked(
    segmenter: Callable[[], InteractiveSegmenter], hints: Hints, from_cut: bool
) -> None:
    start = np.zeros(SIZE, dtype=np.float32)
    start[10:40, 20:45] = 1
    mask = session(segmenter()).listen(hints, start if from_cut else None, from_cut)
    keep, drop = draw(hints, SIZE)
    assert (mask[keep] == 1).all() and (mask[drop] == 0).all()
    assert mask.dtype == np.float32 and mask.min() >= 0 and mask.max() <= 1


@settings(max_examples=15)
@given(hints)
def test_what_was_asked_before_changes_nothing(hints: Hints) -> None:
    one, other = session(GraphCut()), session(GraphCut())
    for stage in hints.stages():
        at_last = one.listen(stage, None, None)
    np.testing.assert_array_equal(at_last, other.listen(hints, None, None))
    other.listen(Hints(keep=((5, 5),)), None, None)
    np.testing.assert_array_equal(at_last, other.listen(hints, None, None))


def test_one_more_stroke_asks_once_and_undo_asks_nothing() -> None:
    segmenter = Contrary()
    one = session(segmenter)
    strokes = tuple(Stroke("keep", 3, ((4.0 * k, 9),)) for k in range(1, 15))
    for count in range(1, 15):
        one.listen(Hints(strokes=strokes[:count]), None, None)
        assert segmenter.asked == count
    for count in range(14, 7, -1):
        one.listen(Hints(strokes=strokes[:count]), None, None)
    assert segmenter.asked == 14 and segmenter.opened == 1
    one.listen(Hints(strokes=strokes[:14]), np.ones(SIZE, np.float32), "another cut")
    assert segmenter.asked == 28


class Changeable(Contrary):
    """A segmenter whose first answer is all but a strip, and whose second is the strip alone."""

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        strip = np.zeros(keep.shape, dtype=np.float32)
        strip[:, 20:30] = 1
        return 1 - strip if keep.sum() + drop.sum() == 1 else strip


def test_a_mask_of_marks_alone_may_be_redrawn_and_a_cut_changes_only_at_a_mark() -> None:
    taps = Hints(strokes=tuple(Stroke("keep", 1, ((x, 5.5),)) for x in (5.5, 25.5)))
    segmenter = Changeable()
    made = session(segmenter).listen(taps, None, None)
    assert made[:, 20:30].all() and made[:, 30:].sum() == 0 and made[:, :20].sum() == 1
    # Elsewhere the strip comes in, and nothing else goes out.
    whole = np.ones(SIZE, dtype=np.float32)
    whole[:, 20:30] = 0
    assert session(segmenter).listen(taps, whole, "cut").all()
    segmenter.redraws = False
    assert session(segmenter).listen(taps, None, None).all()


def test_outside_the_box_the_cut_stays_as_it_was() -> None:
    start = np.zeros(SIZE, dtype=np.float32)
    start[:, :10] = 1
    bounded = Hints(keep=((32, 24),), box=(20, 10, 44, 38))
    mask = session(GraphCut()).listen(bounded, start, "cut")
    assert (mask[:, :10] == 1).all() and (mask[:10] == start[:10]).all()
    assert mask[24, 32] == 1


def test_a_box_alone_means_what_it_holds() -> None:
    mask = session(GraphCut()).listen(Hints(box=(14, 6, 50, 42)), None, None) >= 0.5
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (rows - 24) ** 2 + (columns - 32) ** 2 < 15**2
    assert (mask & disc).sum() / (mask | disc).sum() > 0.9


def test_large_photos_are_seen_smaller_and_hints_with_them() -> None:
    large = np.zeros((1500, 3000, 3), dtype=np.uint8)
    large[500:1000, 1000:2000] = (200, 40, 40)
    one = HintSession(large, nothing(), GraphCut())
    assert one.image[..., 0].size <= WORKING_PIXELS and one.image.shape[1] > 1400
    mask = one.listen(Hints(keep=((1500, 750),)), None, None)
    scale = one.image.shape[1] / 3000
    assert mask[round(750 * scale), round(1500 * scale)] == 1
    assert one.nbytes >= one.image.nbytes
