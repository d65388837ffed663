"""axe-core, in every state of the page: no serious fault."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_steps import ASTRONAUT, DESKTOP, PHONE, no_photo, nothing_in_it, put_in, tab, view
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

LOOKS: dict[str, dict[str, Any]] = {
    "light": {**DESKTOP, "color_scheme": "light"},
    "dark": {**DESKTOP, "color_scheme": "dark"},
    "phone": PHONE,
}
STATES: dict[str, Callable[[Page], Any]] = {
    "start": lambda page: None,
    "result": lambda page: put_in(page, ASTRONAUT),
    "reasons": lambda page: page.click("#evidence summary"),
    "choosing": lambda page: view(page, "choose"),
    "fixing": lambda page: view(page, "fix"),
    "comparing": lambda page: view(page, "compare"),
    "background": lambda page: tab(page, "background"),
    "menus open": lambda page: open_all(page),
    "edge": lambda page: close_and_show_edge(page),
    "save": lambda page: tab(page, "save"),
    "no subject": lambda page: put_in(page, nothing_in_it()),
    "error": lambda page: put_in(page, no_photo()),
    "all photos": lambda page: page.click("#show-grid"),
}


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script."""
    script = Path(os.environ.get("AXE", "build/node_modules/axe-core/axe.min.js"))
    if not script.is_file():
        pytest.skip("needs axe-core: npm install --prefix build axe-core, or AXE=axe.min.js")
    return script.read_text(encoding="utf-8")


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate("document.getElementById('keys').showPopover()")
    for field in ("colour", "blur", "picture", "gradient", "margin", "strength"):
        page.evaluate(f"document.getElementById('{field}-field').hidden = false")


def close_and_show_edge(page: Page) -> None:
    page.evaluate("document.getElementById('keys').hidePopover()")
    tab(page, "edge")


def serious_faults(page: Page, axe: str) -> list[tuple[str, list[Any]]]:
    page.evaluate(axe)
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
    return [
        (one["id"], [node["target"] for node in one["nodes"]])
        for one in page.evaluate("axe.run()")["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_serious_fault(open_page: Callable[..., Page], axe: str, look: str) -> None:
    page = open_page(expected=(422,), **LOOKS[look])
    faults = {}
    for state, prepare in STATES.items():
        prepare(page)
        faults[state] = serious_faults(page, axe)
    assert {state: found for state, found in faults.items() if found} == {}


def test_axe_finds_no_serious_fault_on_the_page_of_an_error(
    open_page: Callable[..., Page], axe: str, address: str
) -> None:
    page = open_page(expected=(404,), color_scheme="dark")
    page.goto(f"{address}/nothing")
    assert serious_faults(page, axe) == []
