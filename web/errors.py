"""Every error as a response: one table from exceptions to a status and a stable code."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from vx_detectron.errors import (
    HintError,
    ImageError,
    NoSubjectError,
    SubjectError,
    VxError,
)

PROBLEM_JSON = "application/problem+json"

_log = logging.getLogger(__name__)


class WebError(Exception):
    """An error that only a server knows."""

    status = 500
    code = "internal"
    detail = "Something went wrong on the server."

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(detail or self.detail)
        self.retry_after = retry_after


class BadOptionError(WebError):
    """An option that contradicts another one."""

    status, code = 422, "bad_option"


class BadMediaTypeError(WebError):
    """A body that is not a form."""

    status, code = 415, "bad_media_type"


class TooLargeError(WebError):
    """A body of too many bytes."""

    status, code = 413, "too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"This server accepts requests of at most {most:,} bytes.")


class FormTooLargeError(WebError):
    """Too many fields, or too long ones."""

    status, code = 413, "form_too_large"
    detail = "The form has too many fields, or fields that are too long."


class PhotoGoneError(WebError):
    """No opened photo of that id."""

    status, code = 404, "photo_gone"
    detail = "No photo with that id is open; open it again."


class UnauthorizedError(WebError):
    """The token is missing or wrong."""

    status, code = 401, "unauthorized"
    detail = (
        "This server requires its token, as 'Authorization: Bearer TOKEN', as 'X-Api-Key: TOKEN', "
        "or as the password of HTTP Basic."
    )


class CrossOriginError(WebError):
    """Another site's page sent this request through a visitor's browser."""

    status, code = 403, "cross_origin"
    detail = "Pages of other sites may not use this server."


class BusyError(WebError):
    """The queue is full."""

    status, code = 503, "busy"
    detail = "The server is busy; try again later."


class TooManyError(WebError):
    """One client sends too many requests."""

    status, code = 429, "too_many_requests"
    detail = "Too many requests from one address; try again later."


class TooSlowError(WebError):
    """The request's time is up."""

    status, code = 503, "too_slow"
    detail = "The photo could not be finished in time; try again later, or send a smaller one."

    def __init__(self) -> None:
        super().__init__(retry_after=10)


class ClientGoneError(WebError):
    """The client has gone."""

    status, code = 499, "client_gone"
    detail = "The client hung up."


_OF_PACKAGE: dict[type[VxError], tuple[int, str]] = {
    ImageError: (422, "bad_picture"),
    SubjectError: (422, "subject_not_there"),
    NoSubjectError: (422, "no_subject"),
    HintError: (422, "bad_option"),
}

_OF_HTTP = {
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "bad_media_type",
    422: "bad_option",
    503: "busy",
}

HINTS = {
    "no_subject": "Choose what to cut out yourself: by class, rank, point or box, or everything.",
    "bad_picture": "Open the photo in an image editor, save it as JPEG or PNG, and send that.",
    "too_large": "Make the photo smaller, or save it with stronger compression.",
    "form_too_large": "Send the photo as a file in the form, with few and short other fields.",
    "bad_media_type": "Send multipart/form-data with the photo as a file, "
    "such as: curl -F image=@photo.jpg",
    "request_timeout": "Send a smaller photo, or use a faster connection.",
}
_TOO_MANY_PIXELS = "Make the photo smaller: fewer pixels, in any format."


@dataclass(frozen=True)
class Problem:
    """An error in the terms of RFC 9457.

    Attributes:
        status: of HTTP.
        code: a code that programs can rely on.
        detail: one line for people.
        more: further members.
        headers: of the answer.
    """

    status: int
    code: str
    detail: str
    more: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The code in words."""
        return self.code.replace("_", " ").capitalize()


def problem_of(error: Exception) -> Problem:
    """The response to an exception. Unexpected ones are logged, and not shown to the client."""
    if isinstance(error, WebError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if isinstance(error, UnauthorizedError):
            headers["WWW-Authenticate"] = 'Basic realm="VX Detectron", charset="UTF-8"'
        return Problem(error.status, error.code, str(error), _hint(error.code), headers)
    for kind, (status, code) in _OF_PACKAGE.items():
        if isinstance(error, kind):
            if isinstance(error, HintError):  # as where the form itself does not fit
                fields_of = {"hints": [f"{error}."]}
                return Problem(status, code, _listed(fields_of), {"errors": fields_of})
            notes = {"notes": list(error.notes)} if error.notes else {}
            return Problem(status, code, str(error), {**_hint(code, str(error)), **notes})
    if isinstance(error, HTTPError):  # apiflask's: a form that does not fit its schema
        fields: dict[str, Any] = next(
            iter((error.detail or {}).values()), {}
        )  # under the name of its location
        return Problem(422, "bad_option", _listed(fields), {"errors": fields})
    if isinstance(error, HTTPException):
        return _of_http(error)
    _log.error("unexpected %s", type(error).__name__, exc_info=error)
    return Problem(500, WebError.code, WebError.detail)


def problem_of_status(status: int, detail: str | None = None) -> Problem:
    """The problem for a bare status."""
    known = HTTPStatus(status)
    code = _OF_HTTP.get(status, known.phrase.lower().replace(" ", "_"))
    return Problem(status, code, detail or known.description or known.phrase, _hint(code))


def _of_http(error: HTTPException) -> Problem:
    if isinstance(error, RequestEntityTooLarge):  # of Werkzeug's limits of parts and of words
        return problem_of(FormTooLargeError())
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
    return replace(problem_of_status(error.code or 500, error.description), headers=headers)


def _hint(code: str, detail: str = "") -> dict[str, Any]:
    """What the client can do. After too many pixels, there is no need to change the format."""
    if code == "bad_picture" and "pixels" in detail:
        return {"hint": _TOO_MANY_PIXELS}
    return {"hint": HINTS[code]} if code in HINTS else {}


def _listed(fields: dict[str, Any]) -> str:
    words = [f"{name}: {' '.join(_sentences(why))}" for name, why in fields.items()]
    return "; ".join(words) or "The form is invalid."


def _sentences(why: Any) -> list[str]:
    """What marshmallow has to say of one field; of a list, by the places in it."""
    if isinstance(why, dict):
        return [sentence for one in why.values() for sentence in _sentences(one)]
    return [str(sentence) for sentence in why]


def problem_json(problem: Problem) -> str:
    """The body of RFC 9457's application/problem+json."""
    body = {
        "type": f"urn:vx-detectron:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **problem.more,
    }
    return json.dumps(body)


def as_page(problem: Problem) -> Response:
    """A page for people."""
    return make_response(render_template("error.html", problem=problem))


# remove.bg's own words where they differ from ours.
_REMOVEBG_CODES = {
    "no_subject": "unknown_foreground",
    "subject_not_there": "unknown_foreground",
    "bad_picture": "invalid_image",
    "unauthorized": "auth_failed",
    "too_many_requests": "rate_limit_exceeded",
}
# Whatever is wrong with a picture or an option is 400 there, and a missing or wrong key 403.
_REMOVEBG_STATUS = {401: 403, 422: 400}


def removebg_json(problem: Problem) -> str:
    """The body of an error that clients of remove.bg read."""
    code = _REMOVEBG_CODES.get(problem.code, problem.code)
    error = {"title": problem.detail, "code": code}
    if "hint" in problem.more:
        error["detail"] = problem.more["hint"]
    return json.dumps({"errors": [error]})


def for_programs(problem: Problem, path: str) -> tuple[int, str, str]:
    """Status, media type and body of a problem, in the form that fits the address."""
    if path.startswith("/v1.0/"):
        status = _REMOVEBG_STATUS.get(problem.status, problem.status)
        return status, "application/json", removebg_json(problem)
    return problem.status, PROBLEM_JSON, problem_json(problem)


def answer_error(error: Exception) -> Response:
    """The answer to an exception, in the form that fits its address."""
    problem = problem_of(error)
    liked = request.accept_mimetypes.best_match(["application/json", "text/html"])
    if liked == "text/html" and not request.path.startswith(("/api/", "/v1.0/")):
        answer = as_page(problem)
        answer.status_code = problem.status
    else:
        status, mimetype, body = for_programs(problem, request.path)
        answer = Response(body, status, mimetype=mimetype)
    answer.headers.extend(problem.headers)
    if answer.status_code == 403:
        answer.headers.pop("WWW-Authenticate", None)  # which is for 401 only
    return answer


def _handle(error: Exception) -> ResponseReturnValue:
    if isinstance(error, HTTPException) and error.response is not None:
        return error.response  # there is one already
    return answer_error(error)


def register_errors(app: APIFlask) -> None:
    """Answer every exception."""
    for kind in (HTTPError, HTTPException, Exception):
        app.register_error_handler(kind, _handle)
