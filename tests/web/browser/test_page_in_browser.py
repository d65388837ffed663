"""The page as a person uses it, in Chromium, with real photos."""

from __future__ import annotations

import io
import json
import re
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
    drag,
    in_memory,
    no_photo,
    nothing_in_it,
    opacity,
    pick_background,
    place,
    put_in,
    settled,
    tab,
    view,
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
    ("format", "worst", "mean"), [("png", 0, 0.0), ("jpg", 60, 2.5), ("webp", 60, 4.0)]
)
def test_the_pixels_of_a_download(
    open_page: Callable[..., Page],
    isolator: Isolator,
    astronaut: ByteArray,
    format: str,
    worst: int,
    mean: float,
) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    pick_background(page, "Own colour")
    tab(page, "save")
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
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    expect(page.locator("#reason")).to_have_text("Cut out: Person.")
    page.click("#evidence summary")
    why = page.locator("#why")
    expect(why).to_contain_text("likely to be the subject. large", ignore_case=True)
    expect(page.locator("#weights li").first).to_contain_text("Clearly recognised+2.")
    # A region that holds the person is no entry of its own, and nothing has two probabilities.
    assert "salient" not in page.inner_text("#editor")
    expect(page.locator(".whole")).to_have_text("Whole shape")
    assert len(re.findall("%", page.inner_text("#panel-subject"))) <= 2  # the other: its size


def test_another_subject_by_click_and_back_by_undo(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    before = download(page)
    view(page, "choose")
    tab(page, "subject")
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    at = {"x": sheet["width"] * 0.76, "y": sheet["height"] * 0.35}  # the model of a rocket
    page.hover("#sheet", position=at)
    expect(page.locator("#tip")).to_contain_text("Bottle")
    page.click("#sheet", position=at)
    settled(page)
    expect(page.locator("#reason")).to_have_text("Chosen by you: Bottle.")
    assert page.locator(".pick[aria-pressed=true]").count() == 1
    alone = np.count_nonzero(opacity(page))
    page.click("#sheet", position={"x": sheet["width"] * 0.4, "y": 150}, modifiers=["Shift"])
    settled(page)
    assert page.locator(".pick[aria-pressed=true]").count() == 2
    assert np.count_nonzero(opacity(page)) > 2 * alone
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    settled(page)
    assert download(page) == before


def test_the_numbers_are_the_same_in_the_list_on_the_photo_and_on_the_keys(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    view(page, "choose")
    entries = page.locator(".pick")
    numbers = page.locator(".pick .number").all_inner_texts()
    assert numbers == [str(1 + at) for at in range(entries.count())]
    assert page.locator("#numbers .number").all_inner_texts() == numbers
    page.keyboard.press("2")
    settled(page)
    expect(entries.nth(1)).to_have_attribute("aria-pressed", "true")
    chosen = page.locator("#numbers .chosen")
    expect(chosen).to_have_text("2")


def test_by_keyboard_alone(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
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
    expect(page.locator(".handle")).to_be_visible()
    page.locator("#compare").focus()
    page.keyboard.press("Home")
    assert "100%" in str(page.locator("#before").evaluate("one => one.style.clipPath"))
    page.locator("#tab-subject").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-background")).to_be_visible()


def test_the_result_is_the_result(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    page.mouse.move(1, 1)
    away = page.locator("#sheet").screenshot()
    page.hover("#sheet", position={"x": 200, "y": 200})
    page.wait_for_timeout(300)  # for what would fade in
    assert page.locator("#sheet").screenshot() == away


def test_an_own_picture_behind_it_and_none_when_the_dialog_is_cancelled(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    tab(page, "background")
    with page.expect_file_chooser() as cancelled:
        page.get_by_role("button", name="Picture", exact=True).click()
    assert cancelled.value is not None  # and nothing is chosen in it
    expect(page.get_by_role("button", name="None", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator("#undo")).to_be_disabled()
    red = in_memory("red.png", np.full((40, 40, 3), (250, 10, 20), dtype=np.uint8))
    with page.expect_file_chooser() as coming:
        page.get_by_role("button", name="Picture", exact=True).click()
    coming.value.set_files(red)
    settled(page)
    pixels = pixels_of(download(page))
    assert (pixels[20:180, 300:350, :3] == (250, 10, 20)).mean() > 0.98


def test_backgrounds_shadow_and_a_canvas_of_a_marketplace(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    pick_background(page, "Night")
    picture = pixels_of(download(page))
    assert picture[0, 300].tolist() == pytest.approx([0x3A, 0x4A, 0x6B], abs=2)
    pick_background(page, "White")
    page.click("#shadows label:has-text('Soft')")
    settled(page)
    shaded = pixels_of(download(page))
    assert ((shaded.min(axis=2) < 250) & (shaded.min(axis=2) > 140)).mean() > 0.02
    tab(page, "background")
    page.click("#canvases label:has-text('1600 px')")
    settled(page)
    square = pixels_of(download(page))
    assert square.shape == (1600, 1600, 3) and (square[:60, :60] == 255).all()


def test_the_subject_is_dragged(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    before = opacity(page)
    tab(page, "background")
    page.click("#drag")
    drag(page, [place(page, (0.4, 0.4)), place(page, (0.65, 0.4))])
    settled(page)
    after = opacity(page)
    assert (after[:, 128:] != before[:, :-128]).mean() < 0.01
    page.keyboard.press("Control+z")
    settled(page)
    assert (opacity(page) == before).all()  # the drag is one step


def test_the_edge_is_grown_and_feathered(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    plain = opacity(page)
    tab(page, "edge")
    page.fill("#grow", "6")
    settled(page)
    grown = opacity(page)
    assert np.count_nonzero(grown == 255) > np.count_nonzero(plain == 255) + 3000
    tab(page, "edge")
    page.fill("#grow", "0")
    page.fill("#feather", "30")
    settled(page)
    assert np.count_nonzero((opacity(page) % 255) > 0) > 5 * np.count_nonzero(plain % 255)


def test_cropped_to_the_subject(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    tab(page, "background")
    page.click("#canvases label:has-text('Subject')")
    page.fill("#margin", "0")
    settled(page)
    cropped = pixels_of(download(page))
    assert cropped.shape[0] <= 512 and cropped.shape[1] < 400


def test_hundred_percent_are_pixels_and_zoom_keeps_what_is_under_the_pointer(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    page.click("#zoom-fit")
    expect(page.locator("#zoom-fit")).to_have_text("100 %")
    box = page.locator("#sheet").bounding_box()
    assert box is not None and box["width"] == pytest.approx(512, abs=1)
    for _ in range(4):  # until it is wider than the stage
        page.keyboard.press("+")
    x, y = place(page, (0.6, 0.45))
    page.mouse.move(x, y)
    page.keyboard.press("+")
    now = place(page, (0.6, 0.45))
    assert now == pytest.approx((x, y), abs=3)
    scrolled = "stage => [stage.scrollLeft, stage.scrollTop]"
    before = page.locator("#stage").evaluate(scrolled)
    drag(page, [(x, y), (x - 60, y - 40)])
    after = page.locator("#stage").evaluate(scrolled)
    assert [after[0] - before[0], after[1] - before[1]] == pytest.approx([60, 40], abs=1)
    expect(page.locator("#undo")).to_be_disabled()  # the drag chose nothing


def test_who_looks_closely_sees_full_size(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    with Image.open(ASTRONAUT) as photo:
        large = np.array(photo.convert("RGB").resize((1800, 1800)))
    put_in(page, in_memory("large.png", large))
    width = "image => image.naturalWidth"
    assert page.locator("#result").evaluate(width) < 1300
    page.click("#zoom-fit")
    expect(page.locator("#zoom-fit")).to_have_text("100 %")
    expect(page.locator("#result")).to_have_js_property("naturalWidth", 1800)


def test_a_copy_in_the_clipboard(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    put_in(page, ASTRONAUT)
    page.click("#copy")
    expect(page.locator("#said")).to_contain_text("Copied")
    copied = page.evaluate("""async () => {
      const [item] = await navigator.clipboard.read();
      const blob = await item.getType("image/png");
      return [...new Uint8Array(await blob.arrayBuffer())];
    }""")
    pasted, saved = pixels_of(bytes(copied)), pixels_of(download(page))
    assert (pasted[..., 3] == saved[..., 3]).all()
    opaque = saved[..., 3] == 255
    assert (pasted[opaque] == saved[opaque]).all()


def test_sizes_quality_and_the_mask_alone(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    tab(page, "save")
    page.select_option("#format", "jpg")
    expect(page.locator("#save-note")).to_contain_text("will be white")
    page.fill("#quality", "40")
    coarse = download(page)
    page.fill("#quality", "95")
    fine = download(page)
    assert len(coarse) < 0.6 * len(fine)
    assert pixels_of(fine)[10, 300].min() > 250
    page.select_option("#size", "0.25")
    page.select_option("#format", "png")
    page.check("#mask-only")
    mask = pixels_of(download(page))
    assert mask.ndim == 2 and mask.size <= 250_000 and {0, 255} <= set(np.unique(mask))


def test_layers_and_the_record(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, ASTRONAUT)
    tab(page, "save")
    page.select_option("#format", "ora")
    with zipfile.ZipFile(io.BytesIO(download(page))) as archive:
        assert archive.read("mimetype") == b"image/openraster"
    page.select_option("#format", "json")
    assert json.loads(download(page))["subject"]["labels"] == ["person"]


def test_no_subject_is_said_with_what_can_be_done(open_page: Callable[..., Page]) -> None:
    page = open_page(expected=(422,))
    put_in(page, nothing_in_it())
    expect(page.locator("#notice")).to_contain_text("Try another photo")
    expect(page.locator("#pick-yourself")).to_be_visible()
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
    expect(page.locator("#reason")).to_contain_text("Person")
    expect(page.locator("#download")).to_be_enabled()


def test_a_format_that_browsers_cannot_show(
    open_page: Callable[..., Page], astronaut: ByteArray
) -> None:
    file = io.BytesIO()
    Image.fromarray(astronaut).save(file, format="TIFF")
    page = open_page()
    put_in(page, {"name": "a.tiff", "mimeType": "image/tiff", "buffer": file.getvalue()})
    view(page, "choose")
    expect(page.locator("#original")).to_have_js_property("naturalWidth", 512)


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


def test_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.set_input_files("#file", CHELSEA)
    page.select_option("select[name=background]", "white")
    with page.expect_download() as coming:
        page.click("text=Cut out and download")
    pixels = pixels_of(Path(coming.value.path()).read_bytes())
    assert pixels.shape == (300, 451, 3) and (pixels[5, -5] == 255).all()


def test_the_api_can_be_tried_on_its_page(open_page: Callable[..., Page], address: str) -> None:
    page = open_page()
    page.goto(f"{address}/docs/")
    expect(page.get_by_role("button", name="Authorize")).to_be_visible()
    page.click("#operations-Cut-outs-isolate button >> nth=0")
    page.click("text=Try it out")
    page.set_input_files("tr:has-text('image') input[type=file] >> nth=-1", CHELSEA)
    page.click("text=Execute")
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
