"""What every test may use: real photos, the shared data where it is, and no network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from shipped_photos import ROOT, Photo, photo

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def astronaut() -> Photo:
    """512 x 512: a person before a flag and a model of a rocket."""
    return photo("astronaut.png")


@pytest.fixture(scope="session")
def chelsea() -> Photo:
    """300 high, 451 wide: the face of a cat, cut by the frame."""
    return photo("chelsea.png")


@pytest.fixture(scope="session")
def coffee() -> Photo:
    """400 high, 600 wide: a cup on a table."""
    return photo("coffee.png")


@pytest.fixture(scope="session")
def rocket() -> Photo:
    """427 high, 640 wide: a rocket at night; COCO has no such class."""
    return photo("rocket.jpg")


@pytest.fixture(scope="session")
def gravel() -> Photo:
    """512 x 512, grey: stones from edge to edge, a photo without a subject."""
    return photo("gravel.png")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of development photos beside the repository; skips where there is none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the development data in ../shared")
    return folder


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Refuse every connection that leaves this machine, so that no test depends on one."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"tests are offline, but one wants to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield
