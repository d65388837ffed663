"""What all browser tests do with a page."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from web_photos import FOLDER, picture_upload, pixels_of, without_subject

from vx_detectron.structures import ByteArray

ASTRONAUT, CHELSEA = str(FOLDER / "astronaut.png"), str(FOLDER / "chelsea.png")
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
BOTH = {"desktop": DESKTOP, "phone": PHONE}

Place = tuple[float, float]  # x and y, as shares of what the stage shows


def put_in(page: Page, *photos: Any) -> None:
    """Choose photos, and wait until all are cut out."""
    page.set_input_files("#file", list(photos))
    settled(page)


def settled(page: Page) -> None:
    """Wait until what was changed last is drawn."""
    expect(page.locator("#busy")).to_be_hidden()


def tab(page: Page, name: str) -> None:
    """Open a group of settings."""
    page.click(f"#tab-{name}")


def view(page: Page, name: str) -> None:
    """Show the photo in another way."""
    page.click(f".segments label:has(input[value={name}])")
    settled(page)


def pick_background(page: Page, name: str) -> None:
    """Choose a background by the name on its button."""
    tab(page, "background")
    page.get_by_role("button", name=name, exact=True).click()
    settled(page)


def download(page: Page, button: str = "#download") -> bytes:
    """The file that the button gives."""
    tab(page, "save")
    with page.expect_download() as coming:
        page.click(button)
    return Path(coming.value.path()).read_bytes()


def opacity(page: Page) -> NDArray[np.uint8]:
    """How opaque the cut-out is, in full size."""
    return pixels_of(download(page))[..., 3]


def place(page: Page, where: Place) -> Place:
    """Where that is in the window."""
    box = page.locator("#sheet").bounding_box()
    assert box is not None
    return box["x"] + where[0] * box["width"], box["y"] + where[1] * box["height"]


def brush(page: Page, tool: str, way: Iterable[Place]) -> None:
    """Draw a stroke, with a finger where the page is on a phone."""
    page.click(f".segments label:has(input[value={tool}])")
    drag(page, [place(page, where) for where in way])
    settled(page)


def drag(page: Page, way: list[Place]) -> None:
    """Press at the first point of the window, and let go at the last."""
    if page.evaluate("matchMedia('(pointer: coarse)').matches"):
        return drag_finger(page, way)
    page.mouse.move(*way[0])
    page.mouse.down()
    for x, y in way[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()
    return None


def drag_finger(page: Page, way: list[Place]) -> None:
    """The same with a finger, as the browser gets it from the screen."""
    screen = page.context.new_cdp_session(page)

    def touch(kind: str, *points: Place) -> None:
        fingers = [{"x": x, "y": y} for x, y in points]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", way[0])
    for start, end in pairwise(way):
        for share in (0.25, 0.5, 0.75, 1.0):
            touch("touchMove", tuple(a + share * (b - a) for a, b in zip(start, end, strict=True)))
    touch("touchEnd")


def in_memory(name: str, pixels: ByteArray) -> dict[str, Any]:
    """A picture of our own, as a person would choose it from a disk."""
    file, _ = picture_upload(pixels)
    return {"name": name, "mimeType": "image/png", "buffer": file.read()}


def nothing_in_it() -> dict[str, Any]:
    """A photo without a subject."""
    return in_memory("grey.png", without_subject())


def no_photo() -> dict[str, Any]:
    """A file that only its name calls a picture."""
    return {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
