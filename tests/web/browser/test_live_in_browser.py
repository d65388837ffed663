"""The Live tab in Chromium, whose fake camera plays a clip that is made here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")

from playwright.sync_api import Browser, Error, Page, Route, expect
from skimage import data

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FRAMES = "() => Number(document.getElementById('canvas').dataset.frames ?? 0)"
CORNER = """() => {
  const canvas = document.getElementById("canvas");
  return [...canvas.getContext("2d").getImageData(4, 4, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Motion JPEG, which Chromium's fake camera plays."""
    path = tmp_path_factory.mktemp("clip") / "camera.mjpeg"
    photo = cv2.resize(data.astronaut(), (480, 480))
    wide = cv2.copyMakeBorder(photo, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    with open(path, "wb") as file:
        for shift in range(0, 40, 2):
            moved = np.roll(wide, shift, axis=1)[..., ::-1]
            file.write(cv2.imencode(".jpg", moved)[1].tobytes())
    return path


@pytest.fixture
def page(launch: Callable[..., Browser], address: str, clip: Path) -> Iterator[Page]:
    browser = launch(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    )
    page = browser.new_page(accept_downloads=True)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.goto(f"{address}/live/")
    yield page
    browser.close()
    assert complaints == []


def wait_for_frames(page: Page, more: int) -> None:
    """Until so many more frames were shown; the page's policy forbids Playwright's own way."""
    wanted = page.evaluate(FRAMES) + more
    for _ in range(600):
        if page.evaluate(FRAMES) >= wanted:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{more} more frames were expected, {wanted} in all")


def test_a_person_stands_before_another_colour_and_is_recorded(page: Page, tmp_path: Path) -> None:
    page.get_by_role("radio", name="Colour").check()
    page.get_by_role("button", name="Start the camera").click()
    wait_for_frames(page, 3)

    expect(page.locator("#what")).to_contain_text("person")
    assert page.evaluate(CORNER) == [0, 177, 64, 255]  # the camera shows a wall there

    page.get_by_role("button", name="Record").click()
    wait_for_frames(page, 3)
    with page.expect_download() as download:
        page.get_by_role("button", name="Stop recording").click()
    saved = tmp_path / "live.webm"
    download.value.save_as(saved)
    assert saved.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"  # Matroska

    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Start the camera")).to_be_visible()


def test_choosing_again_and_stopping_while_a_frame_is_under_way(page: Page) -> None:
    frames, pressed = count(1), list[str]()
    due = {2: "again", 5: "again", 8: "toggle"}

    def overtaken(route: Route) -> None:
        """What is pressed now reaches the server before the frame does."""
        if name := due.get(next(frames)):
            page.evaluate(f"document.getElementById('{name}').click()")
            pressed.append(name)
            time.sleep(0.3)
        with suppress(Error):  # the page wants it no more
            route.continue_()

    page.route("**/live/frame", overtaken)
    page.locator("#toggle").click()
    for _ in range(100):
        if len(pressed) == len(due):
            break
        page.wait_for_timeout(200)
    assert pressed == list(due.values())  # it has not ended by itself
    expect(page.locator("#toggle")).to_have_text("Start the camera")
    page.wait_for_timeout(500)  # for what arrives late


def test_the_page_says_how_fast_it_is(page: Page) -> None:
    page.get_by_role("button", name="Start the camera").click()
    wait_for_frames(page, 3)
    expect(page.locator("#figures")).to_contain_text("frames/s")
