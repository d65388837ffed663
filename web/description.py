"""What OpenAPI needs beyond the schemas: responses, their headers, and authentication."""

from __future__ import annotations

from typing import Any

from web.schemas import ProblemOut, RecordOut, Responses

Spec = dict[Any, Any] | str  # APIFlask's type of an OpenAPI description

_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _headers(**words: str) -> dict[str, Any]:
    """Headers of an answer; in names of arguments a _ stands for a -."""
    return {
        name.replace("_", "-"): {"description": text, "schema": {"type": "string"}}
        for name, text in words.items()
    }


_RETRY = _headers(Retry_After="Seconds after which to retry.")
_ALLOWANCE = _headers(
    X_RateLimit_Limit="Requests that a client may send per period.",
    X_RateLimit_Remaining="How many requests are left.",
    X_RateLimit_Reset="When the period ends, in seconds since 1970.",
)

PICTURES: Responses = {
    200: {
        "description": "The cut-out.",
        "headers": _headers(
            X_Reason="Why this is the subject; for pictures.",
            X_Instances="The indices of the chosen instances, separated by commas; for pictures.",
            X_Photo_Box="Where the photo lies in the picture, which may be cropped or larger: "
            "left, top, width, height, in pixels of the picture.",
            Content_Disposition="A name for the file; for pictures.",
        ),
        "content": {
            **{f"image/{kind}": _BINARY for kind in ("png", "jpeg", "webp", "tiff", "openraster")},
            "application/json": {"schema": RecordOut},
        },
    },
}

_WORDS = {
    400: "The request is malformed.",
    401: "The token is missing or wrong.",
    403: "The request came from another site's page.",
    404: "No such opened photo.",
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    415: "The body is not a form.",
    422: "A bad picture or option, or no subject.",
    429: "Too many requests; retry after Retry-After seconds.",
    503: "Too busy; retry after Retry-After seconds.",
}
_PROBLEM_HEADERS = {
    401: _headers(WWW_Authenticate="How a browser asks for the token."),
    429: _RETRY,
    503: _RETRY,
}

PROBLEMS: Responses = {
    code: {
        "description": words,
        "headers": _PROBLEM_HEADERS.get(code, {}),
        "content": {"application/problem+json": {"schema": ProblemOut}},
    }
    for code, words in _WORDS.items()
}

REMOVEBG: Responses = {
    200: {
        "description": "The cut-out.",
        "headers": _ALLOWANCE
        | _headers(
            X_Type="What the foreground is.",
            X_Width="Of the picture.",
            X_Height="Of the picture.",
            X_Foreground_Top="Where the foreground begins.",
            X_Foreground_Left="Where the foreground begins.",
            X_Foreground_Width="Of the foreground.",
            X_Foreground_Height="Of the foreground.",
            X_Credits_Charged="0.",
        ),
        "content": {
            **{f"image/{kind}": _BINARY for kind in ("png", "jpeg", "webp")},
            "application/zip": _BINARY,
            "application/json": {"schema": {"type": "object"}},
        },
    },
    400: {"description": "unknown_foreground, or a bad picture or option."},
    403: {"description": "The token is missing or wrong."},
    413: {"description": "The request is too large."},
    415: {"description": "The body is neither a form nor JSON."},
    429: {"description": "Too many requests.", "headers": _RETRY | _ALLOWANCE},
    503: {"description": "Too busy.", "headers": _RETRY},
}

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Any name; the token is the password.",
    },
}
_WITHOUT_TOKEN = ("/health", "/ready")


def complete(spec: Spec, token: bool) -> Spec:
    """Add what APIFlask leaves out.

    Args:
        spec: the description; it is changed.
        token: whether the server has one.
    """
    if not isinstance(spec, dict):  # as yaml, which is not asked for here
        return spec
    spec["components"]["securitySchemes"] = _SCHEMES
    spec["security"] = [{name: []} for name in _SCHEMES] if token else [{}]
    schemas = spec["components"]["schemas"]
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            if path in _WITHOUT_TOKEN:
                operation["security"] = []
            for form in operation.get("requestBody", {}).get("content", {}).values():
                # A form with a required field cannot be left out.
                name = form["schema"]["$ref"].rpartition("/")[2]
                operation["requestBody"]["required"] = bool(schemas[name].get("required"))
    _describe_removebg(spec["paths"]["/v1.0/removebg"]["post"]["requestBody"], schemas)
    return spec


def _describe_removebg(body: dict[str, Any], schemas: dict[str, Any]) -> None:
    """The same fields as JSON, in which there are no files."""
    files = {"image_file", "bg_image_file"}
    fields = {k: v for k, v in schemas["RemoveBg"]["properties"].items() if k not in files}
    schemas["RemoveBgJson"] = {"type": "object", "properties": fields}
    body["content"]["application/json"] = {"schema": {"$ref": "#/components/schemas/RemoveBgJson"}}
    body["required"] = True
