"""The page that lists a photo's way names only what exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "way_of_a_photo.md"
NAMES = sorted(set(re.findall(r"`((?:vx_detectron|web)\.[\w.]+)`", PAGE.read_text("utf-8"))))


def test_the_page_names_functions() -> None:
    assert {"vx_detectron.pipeline.Isolator.isolate", "web.cutting.isolate_upload"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_exists(name: str) -> None:
    if name.startswith("web."):
        pytest.importorskip("apiflask", reason="needs the extra 'web'")
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        assert callable(found)
        return
    raise AssertionError(f"no module of {name} can be imported")
