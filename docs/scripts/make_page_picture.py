"""Make the README's picture of the page, from a photo that scikit-image ships.

Run it from a checkout with the extras ``web`` and ``browser``, and with Debian's ``chromium``:
``python -m docs.scripts.make_page_picture``.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import skimage
from playwright.sync_api import Page, sync_playwright
from waitress import create_server

from web import create_app

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
PICTURE = Path(__file__).parents[1] / "pictures" / "page.jpg"


def show_choice(page: Page) -> None:
    """The astronaut, outlined among the other things found."""
    page.set_input_files("#file", PHOTO)
    page.wait_for_selector("#download:enabled")
    page.click(".segments label:has-text('Choose')")
    page.hover("#ranking .pick")


def main() -> None:
    """Write ``pictures/page.jpg``."""
    server = create_server(create_app(), host="127.0.0.1", port=0)
    threading.Thread(target=server.run, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://localhost:{server.effective_port}")
        show_choice(page)
        page.wait_for_timeout(500)  # colours fade in
        page.screenshot(path=PICTURE, type="jpeg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
