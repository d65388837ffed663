"""The record of hints: what it refuses, how it travels, and in which order it is taken."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vx_detectron.errors import HintError
from vx_detectron.interactive import Hints, Stroke

numbers = st.floats(-1e4, 1e4, allow_nan=False)
points = st.tuples(numbers, numbers)
strokes = st.builds(
    Stroke,
    st.sampled_from(["keep", "drop"]),
    st.floats(0.5, 100),
    st.lists(points, min_size=1, max_size=4).map(tuple),
)
boxes = st.none() | st.tuples(numbers, numbers).map(lambda p: (p[0], p[1], p[0] + 5, p[1] + 9))
records = st.builds(
    Hints,
    st.lists(points, max_size=3).map(tuple),
    st.lists(points, max_size=3).map(tuple),
    st.lists(strokes, max_size=30).map(tuple),
    boxes,
)


@given(records)
def test_json_brings_back_the_same_record(hints: Hints) -> None:
    assert Hints.from_json(json.loads(json.dumps(hints.to_json()))) == hints


def test_the_form_is_the_one_in_the_docs() -> None:
    hints = Hints(
        keep=((120, 80),), strokes=(Stroke("drop", 12, ((30, 30), (60.5, 34))),), box=(1, 2, 30, 40)
    )
    assert hints.to_json() == {
        "keep": [[120.0, 80.0]],
        "drop": [],
        "strokes": [{"kind": "drop", "width": 12.0, "points": [[30.0, 30.0], [60.5, 34.0]]}],
        "box": [1.0, 2.0, 30.0, 40.0],
    }
    assert Hints.from_json({}) == Hints() and not Hints()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "hints must be an object"),
        ({"Keep": []}, "hints may have keep, drop, strokes, box, got 'Keep'"),
        ({"keep": {}}, "keep must be a list"),
        ({"keep": [[1, True]]}, "keep[0] must be finite numbers x, y"),
        ({"drop": [[1, 2], [1, "2"]]}, "drop[1] must be finite numbers x, y"),
        ({"drop": [[10**400, 2]]}, "drop[0] must be finite numbers x, y"),
        (
            {"keep": [[1, 1]] * 100, "drop": [[1, 1]] * 101},
            "keep and drop may have at most 200 points",
        ),
        ({"strokes": [3]}, "strokes[0] must be an object"),
        ({"strokes": [{"kind": "drop", "width": "9", "points": [[1, 1]]}]}, "strokes[0].width"),
        (
            {"strokes": [{"kind": "drop", "width": 9, "points": [[1, 1], [1]]}]},
            "strokes[0].points[1] must be finite numbers x, y",
        ),
        (
            {"strokes": [{"kind": "drop", "width": 9, "points": [[1, 1]] * 2001}]},
            "strokes[0].points may have 2,000 entries at most, got 2,001",
        ),
        ({"box": [1, 2, 3]}, "box must be finite numbers x0, y0, x1, y1"),
        ({"box": [9, 2, 3, 4]}, "box must be x0, y0, x1, y1 with x0 < x1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(value: Any, words: str) -> None:
    with pytest.raises(HintError, match=re.escape(words)):
        Hints.from_json(value)


@pytest.mark.parametrize(
    ("hints", "words"),
    [
        (Hints(keep=((641, 10),)), "keep[0] must lie within the photo, 640 x 480 pixels"),
        (Hints(drop=((1, 1), (5, -0.1))), "drop[1]"),
        (Hints(strokes=(Stroke("keep", 641, ((1, 1),)),)), "strokes[0].width must be 1 to 640"),
        (Hints(strokes=(Stroke("keep", 0.9, ((1, 1),)),)), "strokes[0].width"),
        (Hints(strokes=(Stroke("keep", 9, ((1, 1), (-641, 1))),)), "strokes[0].points"),
        (Hints(box=(640, 0, 650, 9)), "box must overlap the photo"),
    ],
)
def test_what_only_the_photo_can_tell(hints: Hints, words: str) -> None:
    with pytest.raises(HintError, match=re.escape(words)):
        hints.expect_within((480, 640))


def test_the_borders_of_the_photo_belong_to_it() -> None:
    edge = Stroke("keep", 640, ((-30, 20), (700, 20)))
    Hints(keep=((0, 0), (640, 480)), strokes=(edge,), box=(-5, -5, 9, 9)).expect_within((480, 640))


@given(records)
def test_stages_grow_by_one_stroke_and_stay_the_same(hints: Hints) -> None:
    stages = hints.stages()
    assert (stages[-1] == hints) if hints else stages == ()
    more = Hints(hints.keep, hints.drop, (*hints.strokes, Stroke("keep", 3, ((1, 1),))), hints.box)
    if hints.strokes or hints.keep or hints.drop:
        assert more.stages()[: len(stages) - 1] == stages[:-1]
    new = [stage.since(before) for stage, before in zip(stages, (None, *stages), strict=False)]
    assert [stroke for one in new for stroke in one.strokes] == list(hints.strokes)
    assert len(stages) <= 1 + 16 + 2


def test_scaling_moves_everything() -> None:
    hints = Hints(((10, 20),), ((1, 2),), (Stroke("drop", 4, ((6, 8),)),), (0, 0, 3, 5))
    twice = Hints(((20, 40),), ((2, 4),), (Stroke("drop", 8, ((12, 16),)),), (0, 0, 6, 10))
    assert hints.scaled(2, 2) == twice


def test_words() -> None:
    stroke = Stroke("keep", 3, ((1, 1),))
    assert Hints(keep=((1, 1),)).words == "1 point"
    hints = Hints(keep=((1, 1),), drop=((2, 2),), strokes=(stroke,), box=(0, 0, 1, 1))
    assert hints.words == "2 points, 1 stroke and a box"


def test_whether_anything_is_kept() -> None:
    assert Hints(keep=((1, 1),)).keeps and Hints(box=(0, 0, 1, 1)).keeps
    assert not Hints(drop=((1, 1),), box=(0, 0, 5, 5)).keeps
    assert Hints(strokes=(Stroke("keep", 3, ((1, 1),)),), drop=((1, 1),)).keeps
