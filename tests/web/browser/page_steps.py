"""What all browser tests do with a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from web_photos import FOLDER, picture_upload, without_subject

from vx_detectron.structures import ByteArray

ASTRONAUT, CHELSEA = str(FOLDER / "astronaut.png"), str(FOLDER / "chelsea.png")
DESKTOP = {"width": 1280, "height": 800}


def put_in(page: Page, *photos: Any) -> None:
    """Choose photos, and wait until all are cut out."""
    page.set_input_files("#file", list(photos))
    settled(page)


def settled(page: Page) -> None:
    """Wait until what was changed last is drawn."""
    page.wait_for_selector("#busy", state="hidden")


def pick_background(page: Page, value: str) -> None:
    """Choose a background by its button."""
    page.check(f"#backgrounds input[value='{value}']", force=True)
    settled(page)


def download(page: Page, button: str = "#download") -> bytes:
    """The file that the button gives."""
    with page.expect_download() as coming:
        page.click(button)
    return Path(coming.value.path()).read_bytes()


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
