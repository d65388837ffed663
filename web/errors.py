"""Every error as an answer: one table from exceptions to a status and a stable code."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from vx_detectron.errors import (
    ImageError,
    NoSubjectError,
    SubjectError,
    VxError,
)

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
    """An option that makes no sense beside another."""

    status, code = 422, "bad_option"


class PhotoGoneError(WebError):
    """No opened photo of that id."""

    status, code = 404, "photo_gone"
    detail = "There is no such opened photo, or no longer; open it again."


class UnauthorizedError(WebError):
    """The token is missing or wrong."""

    status, code = 401, "unauthorized"
    detail = (
        "This server asks for its token, as 'Authorization: Bearer TOKEN', as 'X-Api-Key: TOKEN', "
        "or as the password of HTTP Basic."
    )


class CrossOriginError(WebError):
    """Another site's page sent this request through a visitor's browser."""

    status, code = 403, "cross_origin"
    detail = "Pages of other sites may not use this server."


class BusyError(WebError):
    """The queue is full."""

    status, code = 503, "busy"
    detail = "The server has as much work as it can take; come back later."


class TooManyError(WebError):
    """One client asks too often."""

    status, code = 429, "too_many_requests"
    detail = "Too many requests from one address; come back later."


class TooSlowError(WebError):
    """The request's time is up."""

    status, code = 503, "too_slow"
    detail = "The photo could not be finished in time; come back later, or send a smaller one."

    def __init__(self) -> None:
        super().__init__(retry_after=10)


class ClientGoneError(WebError):
    """Nobody is left to answer to."""

    status, code = 499, "client_gone"
    detail = "The client hung up."


_OF_PACKAGE: dict[type[VxError], tuple[int, str]] = {
    ImageError: (422, "bad_picture"),
    SubjectError: (422, "subject_not_there"),
    NoSubjectError: (422, "no_subject"),
}

_OF_HTTP = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "bad_media_type",
    422: "bad_option",
}

HINTS = {
    "no_subject": "Choose what to cut out yourself: by class, rank, point or box, or everything.",
    "bad_picture": "Save the photo as JPEG, PNG or WebP, and send that.",
    "too_large": "Make the photo smaller, or send it as JPEG.",
}


@dataclass(frozen=True)
class Problem:
    """An error in the terms of RFC 9457.

    Attributes:
        status: of HTTP.
        code: one word that programs may rely on.
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
    """What to answer to an exception. What nobody foresaw is logged, and told to nobody."""
    if isinstance(error, WebError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if isinstance(error, UnauthorizedError):
            headers["WWW-Authenticate"] = 'Basic realm="VX Detectron", charset="UTF-8"'
        return Problem(error.status, error.code, str(error), headers=headers)
    for kind, (status, code) in _OF_PACKAGE.items():
        if isinstance(error, kind):
            more: dict[str, Any] = {"hint": HINTS[code]} if code in HINTS else {}
            more |= {"notes": list(error.notes)} if error.notes else {}
            return Problem(status, code, str(error), more)
    if isinstance(error, HTTPError):  # apiflask's: a form that does not fit its schema
        fields = (error.detail or {}).get("form_and_files", {})
        return Problem(422, "bad_option", _listed(fields), {"errors": fields})
    if isinstance(error, HTTPException):
        return _of_http(error)
    _log.error("unexpected %s", type(error).__name__, exc_info=error)
    return Problem(500, WebError.code, WebError.detail)


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
    code = _OF_HTTP.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    hint = {"hint": HINTS[code]} if code in HINTS else {}
    return Problem(status, code, error.description or HTTPStatus(status).description, hint, headers)


def _listed(fields: dict[str, Any]) -> str:
    words = [f"{name}: {' '.join(_sentences(why))}" for name, why in fields.items()]
    return "; ".join(words) or "The form does not fit."


def _sentences(why: Any) -> list[str]:
    """What marshmallow has to say of one field; of a list, by the places in it."""
    if isinstance(why, dict):
        return [sentence for one in why.values() for sentence in _sentences(one)]
    return [str(sentence) for sentence in why]


def as_json(problem: Problem) -> Response:
    """RFC 9457's application/problem+json."""
    body = {
        "type": f"urn:vx-detectron:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **problem.more,
    }
    answer = jsonify(body)
    answer.mimetype = "application/problem+json"
    return answer


def as_page(problem: Problem) -> Response:
    """A page for people."""
    return make_response(render_template("error.html", problem=problem))


def as_removebg(problem: Problem) -> Response:
    """The form that clients of remove.bg read."""
    codes = {
        "no_subject": "unknown_foreground",
        "subject_not_there": "unknown_foreground",
        "bad_picture": "invalid_image",
        "unauthorized": "auth_failed",
        "too_many_requests": "rate_limit_exceeded",
    }
    code = codes.get(problem.code, problem.code)
    return jsonify({"errors": [{"title": problem.detail, "code": code}]})


def answer_error(error: Exception) -> Response:
    """The answer to an exception, in the form that fits its address."""
    if isinstance(error, HTTPException) and error.response is not None:
        return error.response  # there is one already
    problem = problem_of(error)
    if request.path.startswith("/v1.0/"):
        answer = as_removebg(problem)
        # The service itself answers 400 to whatever is wrong with a picture or an option.
        answer.status_code = 400 if problem.status == 422 else problem.status
    else:
        liked = request.accept_mimetypes.best_match(["application/json", "text/html"])
        for_people = liked == "text/html" and not request.path.startswith("/api/")
        answer = as_page(problem) if for_people else as_json(problem)
        answer.status_code = problem.status
    answer.headers.extend(problem.headers)
    return answer


def register_errors(app: APIFlask) -> None:
    """Answer every exception."""
    for kind in (HTTPError, HTTPException, Exception):
        app.register_error_handler(kind, answer_error)
