"""Who may ask, how often, and what browsers may do with the answers."""

from __future__ import annotations

import hmac
import math
from time import time
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Response, current_app, request
from flask_limiter import Limiter, RequestLimit
from flask_limiter.util import get_remote_address

from web.cors import add_cors_headers, from_named_origin, is_preflight
from web.errors import CrossOriginError, TooManyError, UnauthorizedError, answer_error
from web.service import service

_OPEN = {"operations.health", "operations.ready"}  # a supervisor has no token
_SAFE = {"GET", "HEAD", "OPTIONS"}

# No inline script and no inline style; blob: is how the page shows pictures that it has fetched.
# Swagger UI has its icons as data:.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


def register_guard(app: APIFlask) -> None:
    """Put the checks before every request, and the headers on every answer."""
    Limiter(
        get_remote_address,
        app=app,
        application_limits=[app.config["RATE_LIMIT"]] if app.config["RATE_LIMIT"] else [],
        application_limits_exempt_when=lambda: request.method in _SAFE,
        storage_uri="memory://",
        on_breach=_too_many,
    )
    app.before_request(_expect_token)
    app.before_request(_expect_own_page)
    app.after_request(_finish)


def _too_many(limit: RequestLimit) -> Response:
    return answer_error(TooManyError(retry_after=max(1, math.ceil(limit.reset_at - time()))))


def _expect_token() -> None:
    """UnauthorizedError unless the request shows the token, where there is one."""
    token = current_app.config["TOKEN"]
    if not token or request.endpoint in _OPEN or is_preflight():
        return
    shown = request.headers.get("X-Api-Key", "")
    given = request.authorization
    if given is not None:
        shown = given.token or given.password or ""
    if not hmac.compare_digest(shown.encode(), str(token).encode()):
        raise UnauthorizedError


def _expect_own_page() -> None:
    """CrossOriginError when a browser says that another site's page sends this.

    It keeps other sites from using a visitor's browser, who may reach what they cannot: CSRF.
    Browsers send one of these headers with every form and every fetch since 2020, and no page can
    forge them; other programs send neither. So no cookie is needed, and no secret in the form.
    """
    if request.method in _SAFE or from_named_origin():
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or urlsplit(origin).netloc == request.host
    if not own:
        raise CrossOriginError


def _finish(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    add_cors_headers(answer)
    if request.endpoint not in ("static", "docs.static"):
        answer.headers.setdefault("Cache-Control", "no-store")
    service().metrics.answered(request.endpoint or "none", answer.status_code)
    return answer
