"""One network and one app for all tests of the page; skips where Flask is not installed."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("apiflask", reason="needs the extra 'web'")

from flask import Flask
from flask.testing import FlaskClient
from web_photos import upload

from vx_detectron.config import load_cfg
from vx_detectron.pipeline import Isolator
from web import create_app

OPTIONS = ["VX.ENGINE", "onnx", "MODEL.DEVICE", "cpu"]


@pytest.fixture(scope="session")
def isolator() -> Isolator:
    return Isolator(load_cfg(None, OPTIONS))


@pytest.fixture(scope="session")
def make_app(isolator: Isolator) -> Any:
    """A function that builds an app of its own settings over the one network."""

    def make(**settings: Any) -> Flask:
        return create_app({"TESTING": False, "RATE_LIMIT": "", **settings}, isolator)

    return make


@pytest.fixture(scope="session")
def app(make_app: Any) -> Flask:
    made: Flask = make_app()
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def astronaut_id(app: Flask) -> str:
    """The astronaut, opened once for all tests that only choose in it."""
    answer = app.test_client().post("/api/v1/instances", data={"image": upload("astronaut.png")})
    name: str = answer.get_json()["id"]
    return name
