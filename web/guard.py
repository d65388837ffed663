"""Who may send requests, how often, and what browsers may do with the responses.

Whatever the header of a request can decide is decided by ``check_header``, which looks at nothing
else: the server asks it before it reads the body, see ``connections``.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Flask, Response, current_app, request

from vx_detectron.errors import ConfigError
from web.cors import add_cors_headers, from_named_origin, is_preflight
from web.errors import (
    BadMediaTypeError,
    BadOptionError,
    CrossOriginError,
    FormTooLargeError,
    TooLargeError,
    UnauthorizedError,
)
from web.service import service
from web.visitors import Allowance

_log = logging.getLogger(__name__)

_OPEN = {"operations.health", "operations.ready"}  # a supervisor has no token
_SHORT = 16  # characters of a token that can be guessed
_SAFE = {"GET", "HEAD", "OPTIONS"}
_FORMS = {"multipart/form-data", "application/x-www-form-urlencoded"}
_MEDIA_TYPES = {"api": _FORMS, "page": _FORMS, "removebg": {*_FORMS, "application/json"}}
_MAY_REPEAT = {"with", "without"}

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
    """Add the checks before every request, and the headers to every response.

    Raises:
        ConfigError: a rate that cannot be read.
    """
    for name in ("RATE_LIMIT", "WRONG_TOKENS"):
        try:
            app.extensions[f"vx.{name}"] = Allowance(app.config[name])
        except ValueError as error:
            raise ConfigError(
                f"{name} must be like '300 per minute', got {app.config[name]!r}"
            ) from error
    if 0 < len(str(app.config["TOKEN"])) < _SHORT:
        _log.warning(
            "The token has fewer than %d characters and can be guessed; generate a better one: "
            'python -c "import secrets; print(secrets.token_urlsafe())"', _SHORT
        )  # fmt: skip
    for name in ("waitress", "werkzeug"):
        logging.getLogger(name).addFilter(_hide_ids)
    for check in (_refuse_guesses, _count, check_header, _expect_each_field_once):
        app.before_request(check)
    app.after_request(_finish)


def _hide_ids(record: logging.LogRecord) -> bool:
    """Keep ids of opened photos out of the log: whoever has one has the photo."""
    record.msg = re.sub(r"(?<=/instances/)[^/\s\"]+", "...", record.getMessage())
    record.args = ()
    return True


def unwanted(app: Flask, environ: dict[str, Any]) -> bool:
    """Whether the header alone refuses a request, so that its body need not be read.

    Args:
        app: the application.
        environ: of WSGI; its body is not touched.
    """
    with app.request_context(environ):
        if request.routing_exception is not None:
            return True
        try:
            check_header()
        except Exception:  # which one, the app itself will say when it is asked
            return True
    return False


def check_header() -> None:
    """Refuse what can be refused without reading the body.

    Raises:
        UnauthorizedError, CrossOriginError, TooLargeError, BadMediaTypeError, BadOptionError: as
            their names say.
    """
    if not _may_enter():
        raise UnauthorizedError
    _expect_own_page()
    most = current_app.config["MAX_CONTENT_LENGTH"]
    if most is not None and (request.content_length or 0) > most:
        raise TooLargeError(most)
    if request.method not in _SAFE and request.blueprint in _MEDIA_TYPES:
        _expect_form(_MEDIA_TYPES[request.blueprint])
        if request.args:
            names = ", ".join(sorted(request.args))
            raise BadOptionError(f"Options belong in the form, not in the URL: {names}.")


def allowance(name: str) -> Allowance:
    """The app's ``RATE_LIMIT`` or ``WRONG_TOKENS``."""
    found: Allowance = current_app.extensions[f"vx.{name}"]
    return found


def _may_enter() -> bool:
    """Whether the request shows the token, or needs none."""
    token = str(current_app.config["TOKEN"]).encode()
    if not token or request.endpoint in _OPEN or is_preflight():
        return True
    return any([hmac.compare_digest(one.encode(), token) for one in _shown_tokens()])


def _shown_tokens() -> Iterator[str]:
    """All that could be the token: a proxy may put an Authorization of its own beside ours."""
    if "X-Api-Key" in request.headers:
        yield request.headers["X-Api-Key"]
    given = request.authorization
    if given is not None:
        yield given.token or given.password or ""


def _expect_form(media_types: set[str]) -> None:
    """BadMediaTypeError for a body that is not one of these, FormTooLargeError for long words."""
    length = request.content_length
    if not request.mimetype and not length:
        return  # nothing at all; what is missing is said by name
    if request.mimetype not in media_types:
        raise BadMediaTypeError(
            f"The body must be {' or '.join(sorted(media_types))}, "
            f"got {request.mimetype or 'no Content-Type'}."
        )
    if request.blueprint == "removebg":  # where photos may be words, in base64
        request.max_form_memory_size = request.max_content_length
    elif request.max_form_memory_size is not None:
        request.max_form_memory_size += current_app.config["MAX_HINTS"]
    # Werkzeug minds this limit in multipart alone.
    words, urlencoded = request.max_form_memory_size, "application/x-www-form-urlencoded"
    if request.mimetype == urlencoded and words is not None and (length or 0) > words:
        raise FormTooLargeError
    if request.mimetype == "multipart/form-data" and "boundary" not in request.mimetype_params:
        raise BadMediaTypeError(
            "The Content-Type of the form has no boundary; let your HTTP library set it."
        )
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadMediaTypeError("The body must not be compressed: leave Content-Encoding out.")


def _refuse_guesses() -> None:
    """Count wrong tokens separately: they never lock out anyone with the right one.

    So this does not prevent further guessing, which only a long token does; it limits what
    guessing costs.
    """
    if not _may_enter():
        if any(_shown_tokens()):
            allowance("WRONG_TOKENS").use(request.remote_addr or "")
        raise UnauthorizedError


def _count() -> None:
    """TooManyError for who sends too much. Reading costs nothing.

    Nor do a camera's frames: they carry the id that a counted request gave, one at a time.
    """
    if request.method not in _SAFE and request.endpoint != "live.frame":
        allowance("RATE_LIMIT").use(request.remote_addr or "")


def _expect_each_field_once() -> None:
    """BadOptionError where one field comes twice: which of them counts is not ours to guess."""
    if request.method in _SAFE or request.blueprint not in _MEDIA_TYPES:
        return
    if request.mimetype == "application/x-www-form-urlencoded":
        parts = current_app.config["MAX_FORM_PARTS"]  # which Werkzeug minds in multipart alone
        if request.get_data().count(b"&") > parts:
            raise FormTooLargeError
    _expect_short_words()
    for name in {*request.form, *request.files} - _MAY_REPEAT:
        times = len(request.form.getlist(name)) + len(request.files.getlist(name))
        if times > 1:
            raise BadOptionError(f"{name}: expected once, came {times} times.")


def _expect_short_words() -> None:
    """FormTooLargeError unless the words but the hints are as short as they should be."""
    longest, hints = current_app.config["MAX_FORM_MEMORY_SIZE"], current_app.config["MAX_HINTS"]
    if request.blueprint == "removebg" or longest is None:
        return
    lengths = {name: sum(map(len, words)) for name, words in request.form.lists()}
    if lengths.pop("hints", 0) > hints or sum(lengths.values()) > longest:
        raise FormTooLargeError


def _expect_own_page() -> None:
    """CrossOriginError when a browser says that another site's page sends this.

    It keeps other sites from using a visitor's browser, which can reach what they cannot: CSRF.
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
    if request.blueprint == "removebg":
        answer.headers.update(allowance("RATE_LIMIT").headers(request.remote_addr or ""))
    if request.endpoint not in ("static", "docs.static"):
        answer.headers.setdefault("Cache-Control", "no-store")
    service().metrics.answered(request.endpoint or "none", answer.status_code)
    return answer
