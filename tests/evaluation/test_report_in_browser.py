"""The page in a real browser; skips where Playwright or Chromium is not installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from shipped_photos import Photo
from test_report import run

from vx_detectron.evaluation.predictors import MASKS
from vx_detectron.evaluation.report import Report, draw_photos, write_report

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs Playwright: pip install playwright"
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.mark.parametrize("width", [390, 1280])
def test_no_request_leaves_the_page(tmp_path: Path, coffee: Photo, width: int) -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    truths, predictor, after = run(tmp_path / "after", coffee, 2)
    report = Report("A page", masks={MASKS: after}, baseline=run(tmp_path / "b", coffee, 6)[2])
    panels = draw_photos(truths, predictor, MASKS, report.photos_to_draw())
    path = write_report(tmp_path, report, panels)
    requests: list[str] = []
    complaints: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(path.as_uri())
        drawn = page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
        wide = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert drawn and wide == width  # tables scroll by themselves
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert complaints == []
