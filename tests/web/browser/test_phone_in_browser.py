"""On a phone: by finger, with targets that a finger can hit, and nothing that sticks out."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from page_steps import (
    ASTRONAUT,
    CHELSEA,
    PHONE,
    drag_finger,
    pick_background,
    place,
    put_in,
    settled,
    tab,
    view,
)
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

GREEN = (0x3A, 0xA9, 0x81)


def test_before_and_after_by_touch_with_a_crop(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    put_in(page, ASTRONAUT)
    pick_background(page, "Own colour")
    page.click("#canvases label:has-text('Subject')")
    settled(page)
    view(page, "compare")
    page.evaluate("scrollTo(0, 0)")
    drag_finger(page, [place(page, (0.5, 0.5)), place(page, (0.9, 0.5))])
    expect(page.locator("#compare")).to_have_value("90")
    left, right = _green_shares(page)
    assert left < 0.02  # before: the photo itself, cropped alike
    drag_finger(page, [place(page, (0.9, 0.5)), place(page, (0.1, 0.5))])
    expect(page.locator("#compare")).to_have_value("10")
    left, right = _green_shares(page)
    assert left > 0.1 and right > 0.2
    assert page.evaluate("scrollY") == 0  # the page did not scroll with the finger


def test_the_photo_before_lies_where_the_result_has_it(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    put_in(page, ASTRONAUT)
    tab(page, "background")
    page.click("#canvases label:has-text('1 : 1')")
    settled(page)
    view(page, "compare")
    sides = []
    for share in (0.02, 0.98):  # the face is seen on either side of the handle
        drag_finger(page, [place(page, (0.5, 0.5)), place(page, (share, 0.5))])
        shot = Image.open(io.BytesIO(page.locator("#sheet").screenshot())).convert("RGB")
        sides.append(np.array(shot).astype(int))
    height, width = sides[0].shape[:2]
    face = np.s_[int(0.18 * height) : int(0.28 * height), int(0.54 * width) : int(0.62 * width)]
    assert np.abs(sides[0][face] - sides[1][face]).mean() < 9  # moved by 3 pixels: 18 and more


def _green_shares(page: Page) -> tuple[float, float]:
    """How much of what is seen is the new background: in the left half, and in the right."""
    shot = np.array(Image.open(io.BytesIO(page.locator("#sheet").screenshot())).convert("RGB"))
    green = (np.abs(shot.astype(int) - GREEN) <= 3).all(axis=2)
    middle = shot.shape[1] // 2
    return float(green[:, :middle].mean()), float(green[:, middle:].mean())


def test_nothing_sticks_out_and_targets_are_large(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    expect(page.locator(".camera")).to_be_visible()
    put_in(page, CHELSEA)
    for name in ("subject", "background", "edge", "save"):
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate("""() => [...document.querySelectorAll(
          ".panel button, .tools button, .brushes button, select, .segments label, .chips label")]
          .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5)
          .map((one) => one.id || one.textContent)""")
        assert small == []
    view(page, "fix")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_photo_stays_above_the_settings(open_page: Callable[..., Page]) -> None:
    page = open_page(**PHONE)
    put_in(page, CHELSEA)
    tab(page, "background")
    page.locator("#centre").scroll_into_view_if_needed()
    sheet, tabs = page.locator("#sheet").bounding_box(), page.locator(".tabs").bounding_box()
    assert sheet is not None and tabs is not None
    assert 0 <= sheet["y"] < 200 and sheet["y"] + sheet["height"] <= tabs["y"] < 600
