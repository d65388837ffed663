"""Pictures of strokes: their colours, and that the strokes made from them cover the paint."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from vx_detectron.errors import HintError
from vx_detectron.interactive import Hints
from vx_detectron.interactive.marks import draw
from vx_detectron.interactive.painted import Painted
from vx_detectron.structures import ByteArray

SIZE = 120, 160
GREEN, RED = (0, 200, 30), (255, 0, 0)


def picture() -> ByteArray:
    """A green ring and a thick red line with a blob on black."""
    drawn = np.zeros((*SIZE, 3), dtype=np.uint8)
    cv2.circle(drawn, (50, 50), 30, GREEN, -1)
    cv2.circle(drawn, (50, 50), 15, (0, 0, 0), -1)
    cv2.line(drawn, (90, 100), (150, 10), RED, 9)
    cv2.circle(drawn, (120, 100), 8, RED, -1)
    return drawn


def test_the_strokes_are_what_was_painted() -> None:
    painted = picture()
    keep, drop = draw(Hints(strokes=Painted.from_pixels(painted).on(SIZE)), SIZE)
    np.testing.assert_array_equal(keep, painted[..., 1] == 200)
    np.testing.assert_array_equal(drop, painted[..., 0] == 255)


@pytest.mark.parametrize("scale", [0.5, 2.0, 12.5])
def test_a_picture_in_proportion_will_do(scale: float) -> None:
    size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    marks = draw(Hints(strokes=Painted.from_pixels(picture()).on(size)), size)
    for mark, channel in zip(marks, (1, 0), strict=True):
        shown = cv2.resize(picture()[..., channel], size[::-1], interpolation=cv2.INTER_NEAREST)
        wanted = shown >= 128
        assert (mark & wanted).sum() / (mark | wanted).sum() > 0.88


def test_transparent_colours_say_nothing() -> None:
    alpha = np.zeros(SIZE, dtype=np.uint8)
    alpha[:, :80] = 255
    strokes = Painted.from_pixels(picture(), alpha).on(SIZE)
    assert {stroke.kind for stroke in strokes} == {"keep"}


def test_smooth_edges_of_a_brush_are_no_error() -> None:
    soft = cv2.GaussianBlur(picture(), (0, 0), 1.0)
    soft[60:62, 70:72] = (200, 200, 0)  # where a green and a red brush meet
    assert Painted.from_pixels(soft).on(SIZE)


@pytest.mark.parametrize(
    ("colour", "words"),
    [
        ((0, 0, 255), "found rgb(0, 0, 255) at 20, 10"),
        ((255, 255, 255), "found rgb(255, 255, 255)"),
        ((90, 0, 0), "nothing in the picture is green (keep) or red (drop)"),
    ],
)
def test_other_colours_are_refused(colour: tuple[int, int, int], words: str) -> None:
    drawn = np.zeros((*SIZE, 3), dtype=np.uint8)
    drawn[10:40, 20:60] = colour
    with pytest.raises(HintError, match=re.escape(words)):
        Painted.from_pixels(drawn)


def test_another_shape_is_refused() -> None:
    with pytest.raises(HintError, match="160 x 120 pixels, the photo 160 x 160"):
        Painted.from_pixels(picture()).on((160, 160))
    assert Painted.from_pixels(picture()).on((119, 159))  # rounded somewhere


def test_many_marks_become_fewer_strokes_that_cover_them() -> None:
    drawn = np.zeros((*SIZE, 3), dtype=np.uint8)
    drawn[::2, 10:20:2] = GREEN  # 300 dots
    strokes = Painted.from_pixels(drawn).on(SIZE)
    keep, _ = draw(Hints(strokes=strokes), SIZE)
    assert len(strokes) <= 200 and keep[drawn[..., 1] > 0].all()


def test_far_too_many_marks_are_refused() -> None:
    drawn = np.zeros((*SIZE, 3), dtype=np.uint8)
    drawn[::8, ::8] = GREEN
    with pytest.raises(HintError, match="too many separate marks"):
        Painted.from_pixels(drawn).on(SIZE)
