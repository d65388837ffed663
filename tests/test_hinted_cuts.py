"""Hints through the whole pipeline: real photos, corrected and cut from nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vx_detectron.config import load_cfg
from vx_detectron.deliver.record import record_of, to_line
from vx_detectron.errors import HintError, NoSubjectError
from vx_detectron.image_io import Photo
from vx_detectron.interactive import Hints, Stroke
from vx_detectron.interactive.marks import draw
from vx_detectron.pipeline import FROM_HINTS, Isolator, OpenPhoto
from vx_detectron.structures import ByteArray
from vx_detectron.subject import Choice

FACE, FLAG = np.s_[80:150, 190:260], np.s_[20:140, 10:50]
PERSON = Choice(label="person")


@pytest.fixture(scope="module")
def isolator() -> Isolator:
    options = ["VX.HINTS.SEGMENTER", "graph cut", "VX.REFINE.DENSE_CRF", "False"]
    return Isolator(load_cfg(None, ["MODEL.DEVICE", "cpu", *options]))


@pytest.fixture(scope="module")
def opened(isolator: Isolator, astronaut: ByteArray) -> OpenPhoto:
    return isolator.open(astronaut)


def test_a_stroke_removes_what_is_under_it_and_the_rest_stays(opened: OpenPhoto) -> None:
    stroke = Stroke("drop", 30, ((60, 420), (120, 470)))
    before, after = opened.cut(PERSON), opened.cut(PERSON, hints=Hints(strokes=(stroke,)))
    _, drop = draw(Hints(strokes=(stroke,)), (512, 512))
    assert before.alpha[drop].mean() > 0.9 and (after.alpha[drop] == 0).all()
    np.testing.assert_array_equal(before.alpha[FACE], after.alpha[FACE])
    changed = before.alpha != after.alpha
    assert not changed[:, 300:].any() and changed.mean() < 0.2


def test_a_second_stroke_refines_the_first(opened: OpenPhoto) -> None:
    away = Stroke("drop", 30, ((60, 420), (120, 470)))
    back = Stroke("keep", 12, ((80, 440), (100, 450)))
    both = opened.cut(PERSON, hints=Hints(strokes=(away, back)))
    keep, drop = draw(Hints(strokes=(away, back)), (512, 512))
    assert (both.alpha[keep] == 1).all() and (both.alpha[drop] == 0).all()


def test_without_a_choice_what_is_kept_is_cut_from_nothing(opened: OpenPhoto) -> None:
    flag = opened.cut(hints=Hints(keep=((30, 80),)))
    assert flag.alpha[80, 30] == 1 and flag.alpha[FACE].max() == 0
    assert flag.subject.method == flag.provenance.mask_source == FROM_HINTS
    assert flag.subject.chosen == () and flag.subject.reason == "cut by 1 point"
    added = opened.cut(hints=Hints(keep=((30, 80),)), start="cut")
    assert added.alpha[80, 30] == 1 and added.alpha[FACE].mean() > 0.99
    dropped = opened.cut(hints=Hints(drop=((60, 420),)))
    assert dropped.alpha[420, 60] == 0 and dropped.alpha[FACE].mean() > 0.99


def test_a_preview_shows_what_the_full_size_will(opened: OpenPhoto) -> None:
    hints = Hints(keep=((30, 80),), strokes=(Stroke("drop", 20, ((60, 420), (120, 470))),))
    small = opened.cut(PERSON, hints=hints, megapixels=0.066).alpha
    whole = opened.cut(PERSON, hints=hints).alpha
    assert small.shape == (256, 256)
    averaged = whole.reshape(256, 2, 256, 2).mean(axis=(1, 3))
    assert np.abs(averaged - small).mean() < 0.01


def test_the_record_tells_the_hints_and_who_listened(opened: OpenPhoto) -> None:
    hints = Hints(drop=((60, 420),), box=(0, 300, 200, 512))
    cutout = opened.cut(PERSON, hints=hints)
    record = record_of(cutout)
    assert record["hints"] == hints.to_json() and cutout.hints == hints
    assert record["provenance"]["hints"] == cutout.provenance.hints == "graph cut"
    assert cutout.subject.reason.endswith("; corrected by 1 point and a box")
    assert "hints" in cutout.provenance.seconds and to_line(record)
    plain = record_of(opened.cut())
    assert plain["hints"] is None and plain["provenance"]["hints"] == ""


def test_the_networks_do_not_run_again(
    isolator: Isolator, opened: OpenPhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolator, "see", None)
    assert opened.cut(hints=Hints(keep=((400, 300),))).alpha[300, 400] == 1


def test_matte_edges_come_with_hints_too(opened: OpenPhoto, isolator: Isolator) -> None:
    options = replace(isolator.refine_options, matting=True)
    hints = Hints(drop=((60, 420),))
    cutout = opened.cut(PERSON, options, hints=hints, megapixels=0.066)
    assert any("matting" in step for step in cutout.provenance.refinement)
    _, drop = draw(hints, (512, 512), cutout.alpha.shape)
    assert (cutout.alpha[drop] == 0).all()


def test_hints_outside_the_photo_are_refused(opened: OpenPhoto) -> None:
    with pytest.raises(HintError, match=r"keep\[0\] must lie within the photo, 512 x 512"):
        opened.cut(hints=Hints(keep=((513, 4),)))


def test_dropping_everything_leaves_no_subject(opened: OpenPhoto) -> None:
    everything = Stroke("drop", 512, ((0, 128), (512, 128), (512, 384), (0, 384)))
    with pytest.raises(NoSubjectError, match="nothing is left of the cut after 1 stroke"):
        opened.cut(PERSON, hints=Hints(strokes=(everything,)))


def test_a_photo_in_which_nothing_is_found(isolator: Isolator) -> None:
    grey = np.full((120, 160, 3), 128, dtype=np.uint8)
    grey[40:80, 60:100] = (200, 40, 40)
    plain = replace(isolator.open(grey).instances.take(()), saliency=None)
    opened = OpenPhoto(isolator, Photo(grey, "x", "PNG"), plain, {})
    alpha = opened.cut(hints=Hints(keep=((80, 60),))).alpha
    assert alpha[42:78, 62:98].mean() > 0.98 and alpha[:36].max() == 0


def test_transparent_pixels_stay_transparent(isolator: Isolator) -> None:
    grey = np.full((120, 160, 3), 128, dtype=np.uint8)
    own = np.full((120, 160), 255, dtype=np.uint8)
    own[:, :80] = 0
    photo = Photo(grey, "x", "PNG", alpha=own, straight=grey)
    alpha = isolator.isolate(photo, hints=Hints(strokes=(Stroke("keep", 9, ((70, 60), (90, 60))),)))
    assert alpha.alpha[60, 85] == 1 and alpha.alpha[:, :80].max() == 0


place = st.tuples(st.floats(0, 64), st.floats(0, 48))
strokes = st.builds(
    Stroke,
    st.sampled_from(["keep", "drop"]),
    st.floats(1, 20),
    st.lists(place, min_size=1, max_size=3).map(tuple),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(strokes, min_size=1, max_size=3), st.sampled_from([None, 0.001, 0.002]))
def test_pixels_under_strokes_are_always_obeyed(
    isolator: Isolator, drawn: list[Stroke], megapixels: float | None
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    instances = replace(isolator.open(noise).instances.take(()), saliency=None)
    opened = OpenPhoto(isolator, Photo(noise, "x", "PNG"), instances, {})
    # One stroke at the end, so that something is left.
    hints = Hints(strokes=(*drawn, Stroke("keep", 8, ((32, 24),))))
    alpha = opened.cut(hints=hints, start="nothing", megapixels=megapixels).alpha
    keep, drop = draw(hints, (48, 64), alpha.shape)
    assert (alpha[keep] == 1).all() and (alpha[drop] == 0).all()
