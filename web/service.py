"""What all requests share: the loaded networks, the queue, and the opened photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from flask import Config, copy_current_request_context, current_app, request

from vx_detectron.config import load_cfg
from vx_detectron.errors import ConfigError
from vx_detectron.housekeeping import Housekeeping
from vx_detectron.pipeline import Isolator
from web.gate import Gate, Turn
from web.metrics import Metrics
from web.opened import BYTES_A_PIXEL, OpenedPhotos

T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """One for an app.

    Attributes:
        isolator: the network, loaded once; all threads use it.
        gate: limits the work.
        photos: those that are opened.
        metrics: for Prometheus.
        max_pixels: the largest picture that is read.
    """

    isolator: Isolator
    gate: Gate
    photos: OpenedPhotos
    metrics: Metrics
    max_pixels: int
    _tidy: Housekeeping = field(default_factory=Housekeeping)

    def run(self, work: Callable[[Turn], T]) -> T:
        """Run this request's work when its turn comes; see ``Gate.run``."""
        # Only waitress can tell; elsewhere a client that hangs up is noticed at the end.
        gone = request.environ.get("waitress.client_disconnected", lambda: False)
        done = self.gate.run(copy_current_request_context(work), gone)
        self._tidy()
        return done


def build_service(settings: Config, isolator: Isolator | None) -> Service:
    """Load the network, unless it is there already, and run it once.

    Raises:
        ConfigError, CheckpointError, EngineError: the settings contradict each other, or the
            network cannot be loaded.
    """
    largest = settings["MAX_PIXELS"] * BYTES_A_PIXEL
    if settings["PHOTO_MEMORY"] < 2 * largest:
        raise ConfigError(
            f"PHOTO_MEMORY must hold two photos of MAX_PIXELS, {2 * largest:,} bytes, "
            f"got {settings['PHOTO_MEMORY']:,}"
        )
    if isolator is None:
        isolator = Isolator(load_cfg(settings["CONFIG_FILE"], settings["OPTS"]))
        # The first run sets up what later ones find ready; no visitor must wait for it.
        isolator.open(np.zeros((64, 64, 3), dtype=np.uint8))
    gate = Gate(settings["WORKERS"], settings["QUEUE"], settings["TIME_LIMIT"])
    photos = OpenedPhotos(settings["PHOTO_MEMORY"], settings["PHOTO_LIFETIME"])
    return Service(isolator, gate, photos, Metrics(gate, photos), settings["MAX_PIXELS"])


def service() -> Service:
    """The service of the app that this request came to."""
    here: Service = current_app.extensions["vx"]
    return here
