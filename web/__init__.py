"""The page and the HTTP API: ``flask --app web run`` to try, ``python -m web`` to serve."""

from __future__ import annotations

import io
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Request

from vx_detectron import __version__
from vx_detectron.pipeline import Isolator
from web.errors import register_errors
from web.guard import register_guard
from web.routes import api, docs, operations, page, removebg
from web.service import build_service
from web.settings import load_settings

Spec = dict[Any, Any] | str  # APIFlask's type of an OpenAPI description


class _Request(Request):
    """Keeps uploads in memory: Werkzeug would put those above 500 kB into a file."""

    _trusted_hosts: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """Where the server is asked for by its address, any: DNS rebinding needs a name.

        Werkzeug cannot match addresses of IPv6.
        """
        return None if _is_address(self.headers.get("Host", "")) else self._trusted_hosts

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


def _require_bodies(spec: Spec) -> Spec:
    """Say, as APIFlask does not, that a form with a required field cannot be left out."""
    if not isinstance(spec, dict):  # as yaml, which is not asked for here
        return spec
    schemas = spec["components"]["schemas"]
    for operation in (one for path in spec["paths"].values() for one in path.values()):
        for form in operation.get("requestBody", {}).get("content", {}).values():
            name = form["schema"]["$ref"].rpartition("/")[2]
            operation["requestBody"]["required"] = bool(schemas[name].get("required"))
    return spec


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
    app.spec_processor(_require_bodies)
    app.request_class = _Request
    load_settings(app.config, config)
    app.extensions["vx"] = build_service(app.config, isolator)
    for part in (api, docs, operations, page, removebg):
        app.register_blueprint(part.blueprint)
    register_errors(app)
    register_guard(app)
    return app
