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


def show_a_correction(page: Page) -> None:
    """Everything that was found, less the helmet that a stroke takes away."""
    page.set_input_files("#file", PHOTO)
    page.locator("#download:enabled").wait_for()
    page.click("#everything")
    page.click(".segments label:has(input[value=fix])")
    page.click(".segments label:has(input[value=drop])")
    page.locator("#shade").wait_for()
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    way = [
        (sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"])
        for x, y in ((0.66, 0.88), (0.72, 0.83), (0.79, 0.83), (0.87, 0.88))
    ]
    page.mouse.move(*way[0])
    page.mouse.down()
    for x, y in way[1:]:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.locator("#busy").wait_for(state="hidden")


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
        show_a_correction(page)
        page.wait_for_timeout(500)  # colours fade in
        page.screenshot(path=PICTURE, type="jpeg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
