"""The page and the HTTP API: ``flask --app web run`` to try, ``python -m web`` to serve."""

from __future__ import annotations

import io
import ipaddress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Request

from vx_detectron import __version__
from vx_detectron.pipeline import Isolator
from web.description import complete
from web.errors import register_errors
from web.guard import register_guard
from web.routes import api, docs, live, operations, page, removebg
from web.service import build_service
from web.settings import load_settings


class _Request(Request):
    """Keeps uploads in memory: Werkzeug would put those above 500 kB into a file."""

    _trusted_hosts: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """Any, where the server is asked for by its address or, as by HTTP/1.0, by nothing.

        DNS rebinding needs a name. Werkzeug cannot match addresses of IPv6.
        """
        host = self.environ.get("HTTP_HOST")
        return None if host is None or _is_address(host) else self._trusted_hosts

    @trusted_hosts.setter
    def trusted_hosts(self, names: list[str] | None) -> None:
        self._trusted_hosts = names

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> io.BytesIO:
        return io.BytesIO()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    return True


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
    app.description = "Cuts the main subject out of photos, says why, and lets you pick another."
    app.request_class = _Request
    load_settings(app.config, config)
    app.spec_processor(partial(complete, token=bool(app.config["TOKEN"])))
    app.extensions["vx"] = build_service(app.config, isolator)
    for part in (api, docs, live, operations, page, removebg):
        app.register_blueprint(part.blueprint)
    register_errors(app)
    register_guard(app)
    return app
