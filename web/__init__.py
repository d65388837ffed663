"""The page and the HTTP API: ``flask --app web run`` to try, ``python -m web`` to serve."""

from __future__ import annotations

import io
from typing import Any

from apiflask import APIFlask
from flask import Request

from vx_detectron import __version__
from vx_detectron.pipeline import Isolator
from web.errors import register_errors
from web.guard import register_guard
from web.routes import api, docs, operations, page, removebg
from web.service import build_service
from web.settings import load_settings


class _Request(Request):
    """Keeps uploads in memory: Werkzeug would put those above 500 kB into a file."""

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> io.BytesIO:
        return io.BytesIO()


def create_app(config: dict[str, Any] | None = None, isolator: Isolator | None = None) -> APIFlask:
    """Build the application.

    Args:
        config: see ``settings.DEFAULTS``; wins over environment variables ``VX_<NAME>``.
        isolator: a network that is loaded already; by default the one that is configured.

    Raises:
        ConfigError, CheckpointError, EngineError: the network cannot be loaded.
    """
    app = APIFlask(
        __name__,
        title="VX Detectron",
        version=__version__,
        spec_path="/api/v1/openapi.json",
        docs_path=None,  # APIFlask's own takes its scripts from other hosts; see routes.docs
        json_errors=False,
    )
    app.request_class = _Request
    load_settings(app.config, config)
    app.extensions["vx"] = build_service(app.config, isolator)
    for part in (api, docs, operations, page, removebg):
        app.register_blueprint(part.blueprint)
    register_errors(app)
    register_guard(app)
    return app
