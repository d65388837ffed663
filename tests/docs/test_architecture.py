"""The picture of the architecture shows the imports that the code has."""

from __future__ import annotations

import runpy
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "docs" / "scripts" / "make_architecture.py"))


def test_the_picture_is_current() -> None:
    drawn = SCRIPT["draw"](SCRIPT["read_graph"]())
    written = SCRIPT["PICTURE"].read_text(encoding="utf-8")
    assert written == drawn, "run: python docs/scripts/make_architecture.py"


def test_the_picture_names_every_part() -> None:
    root = ElementTree.parse(SCRIPT["PICTURE"]).getroot()
    words = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"pipeline", "deliver", "web", "cli"} <= words
    assert {path.stem for path in (ROOT / "vx_detectron").glob("[a-z]*.py")} <= words


def test_an_arrow_that_a_longer_way_replaces_is_left_out() -> None:
    graph = {"top": {"middle", "bottom"}, "middle": {"bottom"}, "bottom": set()}
    assert SCRIPT["without_shortcuts"](graph) == {
        "top": {"middle"}, "middle": {"bottom"}, "bottom": set()
    }  # fmt: skip
    assert SCRIPT["rows_of"](graph) == [["bottom"], ["middle"], ["top"]]
