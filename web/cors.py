"""CORS: which pages of other sites may use the API through a browser; none by default."""

from __future__ import annotations

from flask import Response, current_app, request

_API = {"api", "removebg"}  # blueprints; the page itself is nobody else's
_HEADERS = {
    "Access-Control-Allow-Methods": "POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Api-Key",
    "Access-Control-Expose-Headers": (
        "Content-Disposition, Retry-After, X-Reason, X-Instances, X-Photo-Box, X-Type, "
        "X-Width, X-Height, "
        "X-Foreground-Top, X-Foreground-Left, X-Foreground-Width, X-Foreground-Height"
    ),
    "Access-Control-Max-Age": "600",
}


def from_named_origin() -> bool:
    """Whether a page of a named origin asks the API."""
    origins = current_app.config["CORS_ORIGINS"]
    return request.blueprint in _API and request.headers.get("Origin") in origins


def is_preflight() -> bool:
    """Whether a browser asks for permission; it has no token then."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def add_cors_headers(answer: Response) -> None:
    """Permit the listed origins, and tell caches that the response depends on the origin."""
    if current_app.config["CORS_ORIGINS"]:
        answer.vary.add("Origin")
    if from_named_origin():
        answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        answer.headers.update(_HEADERS)
