"""The page as a person uses it, in Chromium, with real photos."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from page_steps import (
    ASTRONAUT,
    CHELSEA,
    DESKTOP,
    download,
    in_memory,
    no_photo,
    nothing_in_it,
    pick_background,
    put_in,
    settled,
)
from PIL import Image
from playwright.sync_api import Page, expect
from scipy.ndimage import binary_erosion
from web_photos import pixels_of

from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray

pytestmark = pytest.mark.browser

GREEN = (0x3A, 0xA9, 0x81)  # the colour that the page offers first


@pytest.mark.parametrize(
    ("format", "worst", "mean"), [("png", 0, 0.0), ("jpg", 60, 2.0), ("webp", 60, 4.0)]
)
def test_the_pixels_of_a_download(
    open_page: Callable[..., Page],
    isolator: Isolator,
    astronaut: ByteArray,
    format: str,
    worst: int,
    mean: float,
) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    pick_background(page, "colour")
    page.select_option("#format", format)
    pixels = pixels_of(download(page)).astype(int)
    alpha = isolator.isolate(astronaut).alpha
    for value, expected in ((1, astronaut), (0, np.full_like(astronaut, GREEN))):
        # Along the edge the photo's colours are mixed, and compression smears them.
        where = binary_erosion(alpha == value, iterations=8)
        assert where.mean() > 0.2
        error = np.abs(pixels[where] - expected[where])
        assert error.max() <= worst and error.mean() <= mean


def test_why_it_is_the_subject(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    expect(page.locator("#reason")).to_contain_text("person (over 99 %): large")
    cup = page.locator(".pick:has-text('cup')")
    expect(cup).to_contain_text("against it: of uncertain kind")
    page.click("#evidence summary")
    expect(page.locator("#weights li").first).to_contain_text("Surely recognised+2.")


def test_another_subject_by_click_and_back_by_undo(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    before = download(page)
    page.click(".segments label:has-text('Choose')")
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    at = {"x": sheet["width"] * 0.76, "y": sheet["height"] * 0.35}  # the model of a rocket
    page.hover("#sheet", position=at)
    expect(page.locator("#tip")).to_contain_text("bottle")
    page.click("#sheet", position=at)
    settled(page)
    expect(page.locator("#reason")).to_have_text("Chosen by you: bottle.")
    assert page.locator(".pick[aria-pressed=true]").count() == 1
    alone = np.count_nonzero(pixels_of(download(page)).any(axis=2))
    page.click("#sheet", position={"x": sheet["width"] * 0.4, "y": 150}, modifiers=["Shift"])
    settled(page)
    assert page.locator(".pick[aria-pressed=true]").count() == 2
    assert np.count_nonzero(pixels_of(download(page)).any(axis=2)) > 2 * alone
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    settled(page)
    assert download(page) == before


def test_by_keyboard_alone(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    last = page.locator(".pick").last
    last.focus()
    page.keyboard.press("Enter")
    settled(page)
    expect(last).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("1")
    settled(page)
    expect(page.locator(".pick").first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")
    expect(page.locator("#slider")).to_be_visible()
    page.locator("#compare").focus()
    page.keyboard.press("Home")
    assert "100%" in str(page.locator("#original").evaluate("image => image.style.clipPath"))


def test_an_own_picture_behind_it(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    red = in_memory("red.png", np.full((40, 40, 3), (250, 10, 20), dtype=np.uint8))
    with page.expect_file_chooser() as coming:
        page.check("#backgrounds input[value=picture]", force=True)
    coming.value.set_files(red)
    settled(page)
    assert (pixels_of(download(page))[20:180, 300:350] == (250, 10, 20)).mean() > 0.98


def test_edge_and_frame(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    pick_background(page, "white")
    sharp = pixels_of(download(page))
    page.fill("#softness", "20")
    settled(page)
    soft = pixels_of(download(page))
    assert (sharp == 255).all(axis=2).sum() > (soft == 255).all(axis=2).sum() + 1000
    page.check("#crop")
    page.fill("#margin", "0")
    settled(page)
    cropped = pixels_of(download(page))
    assert cropped.shape[0] <= 512 and cropped.shape[1] < 400


def test_a_zoomed_photo_is_dragged(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator("#zoom-fit")).to_have_text("225 %")
    page.mouse.move(400, 400)
    page.mouse.down()
    page.mouse.move(300, 300, steps=5)
    page.mouse.up()
    assert page.locator("#stage").evaluate("stage => [stage.scrollLeft, stage.scrollTop]") == [
        100,
        100,
    ]
    expect(page.locator("#undo")).to_be_disabled()  # the drag chose nothing


def test_layers_and_the_record(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=DESKTOP)
    put_in(page, ASTRONAUT)
    page.select_option("#format", "ora")
    with zipfile.ZipFile(io.BytesIO(download(page))) as archive:
        assert archive.read("mimetype") == b"image/openraster"
    page.select_option("#format", "json")
    assert json.loads(download(page))["subject"]["labels"] == ["person"]


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
    put_in(page, nothing_in_it())
    expect(page.locator("#reason")).to_contain_text("no subject")
    expect(page.locator("#notice")).to_contain_text("Try another photo")
    expect(page.locator("#download")).to_be_disabled()


def test_a_wrong_file_and_one_too_large(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(expected=(422,))
    put_in(page, no_photo())
    expect(page.locator("#notice")).to_contain_text("not a photo")
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(33 * 2**20)
    put_in(page, str(huge))
    expect(page.locator("#notice")).to_contain_text("larger than 32 MB")


def test_try_again_when_the_server_was_away(open_page: Callable[..., Page]) -> None:
    page = open_page(broken_network=True)
    page.route("**/api/**", lambda route: route.abort())
    put_in(page, ASTRONAUT)
    expect(page.locator("#notice")).to_contain_text("cannot be reached")
    page.unroute("**/api/**")
    page.click("#again")
    expect(page.locator("#reason")).to_contain_text("person")
    expect(page.locator("#download")).to_be_enabled()


def test_a_format_that_browsers_cannot_show(
    open_page: Callable[..., Page], astronaut: ByteArray
) -> None:
    file = io.BytesIO()
    Image.fromarray(astronaut).save(file, format="TIFF")
    page = open_page()
    put_in(page, {"name": "a.tiff", "mimeType": "image/tiff", "buffer": file.getvalue()})
    page.click(".segments label:has-text('Choose')")
    page.wait_for_function("document.getElementById('original').naturalWidth === 512")


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
    for name in ("dropped.png", "pasted.png"):
        expect(page.get_by_role("button", name=f"{name}, failed")).to_be_visible()


def test_on_a_phone_nothing_sticks_out(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    expect(page.locator(".camera")).to_be_visible()
    put_in(page, CHELSEA)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.set_input_files("#file", CHELSEA)
    page.select_option("select[name=background]", "white")
    pixels = pixels_of(download(page, "text=Cut out and download"))
    assert pixels.shape == (300, 451, 3) and (pixels[-2, 5] == 255).all()


def test_the_api_can_be_tried_on_its_page(open_page: Callable[..., Page], address: str) -> None:
    page = open_page()
    page.goto(f"{address}/docs/")
    page.click("#operations-Cut-outs-isolate button >> nth=0")
    page.click("text=Try it out")
    page.set_input_files("tr:has-text('image') input[type=file] >> nth=-1", CHELSEA)
    page.click("text=Execute")
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
