"""A real browser before a real server; skips where Playwright or Chromium is not installed.

Chromium is looked for on the PATH, or where CHROMIUM says. axe-core is looked for in
build/node_modules, or where AXE says.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")

from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waitress import create_server

from vx_detectron.pipeline import Isolator
from web import create_app


@pytest.fixture(scope="session")
def isolator() -> Isolator:
    """The engine that most people have, which is also the quickest."""
    return Isolator()


@pytest.fixture(scope="session")
def app(isolator: Isolator) -> Flask:
    return create_app({"RATE_LIMIT": ""}, isolator)


@pytest.fixture(scope="session")
def address(app: Flask) -> Iterator[str]:
    """Where the server is."""
    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://localhost:{server.effective_port}"
    server.close()


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """A function that starts Chromium with more arguments; there is one Playwright at a time."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:

        def start(*arguments: str) -> Browser:
            return playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *arguments]
            )

        yield start


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    launched = launch()
    yield launched
    launched.close()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """A function that opens the page; afterwards the browser must not have complained of anything.

    ``expected`` are the statuses of answers that a test provokes, which browsers log as errors;
    ``broken_network`` says that it also provokes requests without any answer.
    """
    complaints: list[str] = []
    contexts = []

    def open_it(
        expected: tuple[int, ...] = (), broken_network: bool = False, **options: Any
    ) -> Page:
        context = browser.new_context(accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)

        def on_console(message: Any) -> None:
            words = [f"status of {status}" for status in expected]
            words += ["ERR_FAILED"] if broken_network else []
            provoked = any(word in message.text for word in words)
            if message.type in ("error", "warning") and not provoked:
                complaints.append(message.text)

        def on_request(request: Any) -> None:
            if not request.url.startswith((address, "blob:", "data:")):
                complaints.append(f"asked another host: {request.url}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", on_request)
        page.goto(address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
