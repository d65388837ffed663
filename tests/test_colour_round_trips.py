"""A few of the round trips of ``colour_round_trips.py``, and that its judge sees a mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
from colour_round_trips import (
    SPACES,
    Case,
    Difference,
    LittleCms,
    Magick,
    cases,
    is_good,
    magick,
    round_trip,
)

from vx_detectron.deliver import finish
from vx_detectron.image_io import Photo

imagecodecs = pytest.importorskip("imagecodecs")

FEW = list(cases())[::41]


def test_there_are_more_than_a_thousand() -> None:
    every = list(cases())
    assert len(set(every)) == len(every) > 1000
    assert {case.space for case in FEW} == set(SPACES)
    assert len({case.background for case in FEW}) == 9


@pytest.mark.parametrize("case", FEW, ids=str)
def test_subject_and_background_look_as_they_did(case: Case) -> None:
    difference = round_trip(case, LittleCms())
    assert is_good(difference), difference


def test_imagemagick_agrees() -> None:
    if magick() is None:
        pytest.skip("needs ImageMagick")
    case = Case("Display P3", "png", "tiff", "picture in Adobe RGB")
    assert is_good(round_trip(case, Magick()))


def test_colours_of_two_spaces_that_are_mixed_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tool did once: a colour of sRGB pasted into a photo of another space."""
    case = Case("Display P3", "png", "png", "css")
    compose_photo = finish.compose_photo

    def mixed(photo: Photo, *arguments: object, **options: object) -> object:
        return compose_photo(replace(photo, icc_profile=None), *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(finish, "compose_photo", mixed)
    difference = round_trip(case, LittleCms())
    assert difference.background is not None and difference.background > 10
    assert not is_good(difference)
    assert not is_good(Difference(1.1, None)) and not is_good(Difference(0, 2.1))
