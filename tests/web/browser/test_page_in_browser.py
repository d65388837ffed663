"""The page as a person uses it, in Chromium, with real photos."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from web_photos import FOLDER, picture_upload, pixels_of, without_subject

from vx_detectron.records import ByteArray

pytestmark = pytest.mark.browser

ASTRONAUT, CHELSEA = str(FOLDER / "astronaut.png"), str(FOLDER / "chelsea.png")


def put_in(page: Page, *photos: Any) -> None:
    """Choose photos, and wait until all are cut out."""
    page.set_input_files("#file", list(photos))
    settled(page)


def settled(page: Page) -> None:
    """Wait until what was changed last is drawn."""
    page.wait_for_selector("#busy", state="hidden")


def download(page: Page, button: str = "#download") -> bytes:
    with page.expect_download() as coming:
        page.click(button)
    return Path(coming.value.path()).read_bytes()


def in_memory(name: str, pixels: ByteArray) -> dict[str, Any]:
    file, _ = picture_upload(pixels)
    return {"name": name, "mimeType": "image/png", "buffer": file.read()}


def test_from_a_photo_to_a_file(open_page: Callable[..., Page], astronaut: ByteArray) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    put_in(page, ASTRONAUT)
    expect(page.locator("#reason")).to_contain_text("person")
    page.check("#backgrounds input[value=white]", force=True)
    settled(page)
    pixels = pixels_of(download(page))
    assert pixels.shape == (512, 512, 3)
    assert (pixels[80:150, 190:260] == astronaut[80:150, 190:260]).mean() > 0.98
    assert (pixels[20:180, 300:350] == 255).mean() > 0.98


def test_another_subject_by_click_and_back_by_undo(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    put_in(page, ASTRONAUT)
    before = download(page)
    page.click(".segments label:has-text('Choose')")
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    at = {"x": sheet["width"] * 0.76, "y": sheet["height"] * 0.35}  # the model of a rocket
    page.click("#sheet", position=at)
    settled(page)
    expect(page.locator("#reason")).to_contain_text("chosen by hand")
    assert page.locator(".pick[aria-pressed=true]").count() == 1
    alone = np.count_nonzero(pixels_of(download(page)).any(axis=2))
    page.locator(".join[aria-label='Add person']").click()
    settled(page)
    assert page.locator(".pick[aria-pressed=true]").count() == 2
    assert np.count_nonzero(pixels_of(download(page)).any(axis=2)) > 2 * alone
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    settled(page)
    assert download(page) == before


def test_by_keyboard_alone(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    put_in(page, ASTRONAUT)
    last = page.locator(".pick").last
    last.focus()
    page.keyboard.press("Enter")
    settled(page)
    expect(last).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")
    expect(page.locator("#slider")).to_be_visible()
    page.locator("#compare").focus()
    page.keyboard.press("Home")
    assert "100%" in str(page.locator("#original").evaluate("image => image.style.clipPath"))


def test_several_photos_in_one_archive(open_page: Callable[..., Page]) -> None:
    page = open_page()
    put_in(page, ASTRONAUT, CHELSEA)
    page.wait_for_selector("text=All 2 as ZIP")
    with zipfile.ZipFile(io.BytesIO(download(page, "#download-all"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["astronaut_cutout.png", "chelsea_cutout.png"]
        assert pixels_of(archive.read("chelsea_cutout.png")).shape == (300, 451, 3)


def test_no_subject_is_said_with_what_can_be_done(open_page: Callable[..., Page]) -> None:
    page = open_page(expected=(422,))
    put_in(page, in_memory("grey.png", without_subject()))
    expect(page.locator("#reason")).to_contain_text("no subject")
    expect(page.locator("#help")).to_contain_text("Try another photo")
    expect(page.locator("#download")).to_be_disabled()


def test_a_wrong_file_and_one_too_large(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(expected=(422,))
    put_in(page, {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#reason")).to_contain_text("not a photo")
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(33 * 2**20)
    put_in(page, str(huge))
    expect(page.locator("#reason")).to_contain_text("larger than 32 MB")


def test_a_dropped_and_a_pasted_photo(open_page: Callable[..., Page]) -> None:
    page = open_page(expected=(422,))  # three bytes are no photo
    events = """([kind, name]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from([1, 2, 3])], name, { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      const event = kind === "paste"
        ? new ClipboardEvent(kind, { ...options, clipboardData: data })
        : new DragEvent(kind, { ...options, dataTransfer: data });
      document.body.dispatchEvent(event);
    }"""
    page.evaluate(events, ["drop", "dropped.png"])
    page.evaluate(events, ["paste", "pasted.png"])
    expect(page.locator("#photos img[alt='dropped.png']")).to_be_visible()
    expect(page.locator("#photos img[alt='pasted.png']")).to_be_visible()


def test_on_a_phone_nothing_sticks_out(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    expect(page.locator(".camera")).to_be_visible()
    put_in(page, CHELSEA)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.set_input_files("#file", CHELSEA)
    page.select_option("select[name=background]", "white")
    pixels = pixels_of(download(page, "text=Cut out and download"))
    assert pixels.shape == (300, 451, 3) and (pixels[-2, 5] == 255).all()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_page: Callable[..., Page], colours: str) -> None:
    script = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js"))
    if not script.is_file():
        pytest.skip("needs axe-core: npm install axe-core, or AXE=path/to/axe.min.js")
    page = open_page(viewport={"width": 1280, "height": 800}, color_scheme=colours)
    for prepare in (lambda: None, lambda: put_in(page, ASTRONAUT)):
        prepare()
        page.evaluate(script.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
