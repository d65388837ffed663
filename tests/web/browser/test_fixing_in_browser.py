"""Keep this, drop that: with mouse and finger, as pixels; and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from page_steps import (
    ASTRONAUT,
    BOTH,
    DESKTOP,
    PHONE,
    brush,
    download,
    drag,
    nothing_in_it,
    opacity,
    place,
    put_in,
    settled,
    tab,
    view,
)
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

# In the photo of the astronaut, 512 x 512: what is glued to what.
FACE, HELMET = np.s_[90:150, 190:240], np.s_[400:480, 340:450]
FLAG = np.s_[20:300, 5:60]  # which no detector of 80 classes knows


@pytest.mark.parametrize("device", BOTH)
def test_what_is_glued_to_the_subject_is_removed_by_two_strokes(
    open_page: Callable[..., Page], device: str
) -> None:
    page = open_page(**BOTH[device])
    put_in(page, ASTRONAUT)
    page.click("#everything")
    settled(page)
    before = opacity(page)
    assert before[FACE].mean() > 235 and before[HELMET].mean() > 200
    view(page, "fix")
    brush(page, "drop", [(0.66, 0.86), (0.75, 0.80), (0.86, 0.88)])
    brush(page, "drop", [(0.68, 0.95), (0.84, 0.95)])
    after = opacity(page)
    assert after[FACE].mean() > 235 and after[HELMET].mean() < 40
    assert (after[round(0.95 * 512), 360:420] == 0).all()  # under a stroke, without exception
    page.click("#undo")
    page.click("#undo")
    settled(page)
    assert (opacity(page) == before).all()


@pytest.mark.parametrize("device", BOTH)
def test_a_thing_that_the_detector_did_not_see_is_picked(
    open_page: Callable[..., Page], device: str
) -> None:
    page = open_page(**BOTH[device])
    put_in(page, ASTRONAUT)
    before = opacity(page)
    assert before[FLAG].mean() < 20
    view(page, "fix")
    page.click("#scratch")
    settled(page)
    expect(page.locator("#notice")).to_contain_text("keep")
    brush(page, "keep", [(0.04, 0.1), (0.06, 0.35), (0.12, 0.5)])
    picked = opacity(page)
    assert picked[FACE].mean() < 10 and picked[FLAG].mean() > 120
    assert (picked[60:160, 22:28] == 255).all()  # under the stroke
    expect(page.locator("#reason")).to_have_text("Picked by 1 mark.")
    page.click("#undo")
    page.click("#undo")
    settled(page)
    assert (opacity(page) == before).all()


def test_tap_long_press_right_click_and_a_box(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    view(page, "fix")
    kept = page.locator("#marks .point.keep")
    dropped = page.locator("#marks .point.drop")
    page.mouse.click(*place(page, (0.76, 0.35)))
    settled(page)
    expect(kept).to_have_count(1)
    page.mouse.click(*place(page, (0.5, 0.75)), button="right")
    settled(page)
    expect(dropped).to_have_count(1)
    page.mouse.move(*place(page, (0.3, 0.9)))
    page.mouse.down()
    page.wait_for_timeout(550)
    page.mouse.up()
    settled(page)
    expect(dropped).to_have_count(2)
    expect(kept).to_have_count(1)
    drag(page, [place(page, (0.1, 0.05)), place(page, (0.95, 0.99))])
    settled(page)
    expect(page.locator("#marks .box")).to_have_count(1)
    alpha = opacity(page)
    assert alpha[round(0.35 * 512), round(0.76 * 512)] == 255
    assert alpha[round(0.75 * 512), 256] == 0
    for count in (3, 2, 1, 0):  # undone one by one
        page.keyboard.press("Control+z")
        expect(page.locator("#marks .point")).to_have_count(count)


def test_marks_without_a_pointer(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    view(page, "fix")
    page.locator("#stage").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    settled(page)
    expect(page.locator("#marks .point.drop")).to_have_count(1)
    assert opacity(page)[256, 256 + 5 * 512 // 40] == 0


def test_the_brush_has_a_size(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    page.keyboard.press("k")
    expect(page.locator("#brush-size")).to_have_value("26")
    page.keyboard.press("]")
    expect(page.locator("#brush-size")).to_have_value("33")
    for _ in range(3):
        page.keyboard.press("[")
    expect(page.locator("#brush-size")).to_have_value("17")
    brush(page, "keep", [(0.3, 0.05), (0.5, 0.05)])
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    wide = float(page.locator("#marks .mark").get_attribute("stroke-width") or 0)
    assert wide == pytest.approx(17 * 512 / sheet["width"], abs=0.2)
    column = opacity(page)[:60, 205]
    assert np.count_nonzero(column == 255) >= wide - 2


def test_where_nothing_was_found_a_person_picks(open_page: Callable[..., Page]) -> None:
    page = open_page(expected=(422,), **PHONE)
    put_in(page, nothing_in_it())
    page.click("#pick-yourself")
    expect(page.locator("#brushes")).to_be_visible()
    brush(page, "keep", [(0.4, 0.5), (0.6, 0.5)])
    alpha = opacity(page)
    assert alpha.shape == (120, 160) and alpha[60, 80] == 255


def test_two_fingers_zoom_and_mark_nothing(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    put_in(page, ASTRONAUT)
    view(page, "fix")
    before = page.locator("#sheet").bounding_box()
    (x, y), screen = place(page, (0.5, 0.5)), page.context.new_cdp_session(page)

    def touch(kind: str, *gaps: float) -> None:
        points = [{"x": x + gap, "y": y, "id": at} for at, gap in enumerate(gaps)]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -20)
    touch("touchStart", -20, 20)
    for gap in (30, 45, 60):
        touch("touchMove", -gap, gap)
    touch("touchEnd")
    after = page.locator("#sheet").bounding_box()
    assert before is not None and after is not None
    assert after["width"] > 2 * before["width"]
    expect(page.locator("#marks path")).to_have_count(0)


def test_undo_acts_on_the_photo_that_is_seen(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT, ASTRONAUT)
    view(page, "fix")
    brush(page, "drop", [(0.4, 0.8), (0.5, 0.8)])
    page.locator("#photos .tile").nth(1).click()
    settled(page)
    expect(page.locator("#undo")).to_be_disabled()
    page.locator("#photos .tile").nth(0).click()
    expect(page.locator("#undo")).to_be_enabled()
    expect(page.locator("#marks .mark")).to_have_count(1)


def test_feedback_is_quick_once_it_is_warm(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    view(page, "fix")
    sizes: list[Any] = []
    page.on("response", lambda answer: sizes.append(answer.request.post_data_buffer))
    brush(page, "drop", [(0.4, 0.8), (0.5, 0.8)])
    brush(page, "keep", [(0.4, 0.6), (0.5, 0.6)])
    assert b"mask_only" in (sizes[-1] or b"")  # a small mask, and no picture in full size
    tab(page, "subject")
    assert download(page)
