"""The API, version 1: cut in one request, or open once and choose as often as one likes."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from web.cutting import answer_with, describe, isolate_upload
from web.gate import Turn
from web.opened import Opened
from web.orders import read_order, read_upload
from web.schemas import (
    OpenedOut,
    Options,
    ProblemOut,
    RecordOut,
    Upload,
    UploadAndOptions,
)
from web.service import service

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="Cut-outs")

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURES = {
    200: {
        "description": "The cut-out; X-Reason says why this is the subject.",
        "content": {
            **{f"image/{kind}": _BINARY for kind in ("png", "jpeg", "webp", "tiff", "openraster")},
            "application/json": {"schema": RecordOut},
        },
    },
}
_PROBLEMS = {
    code: {"description": words, "content": {"application/problem+json": {"schema": ProblemOut}}}
    for code, words in {
        400: "The request is broken.",
        401: "The token is missing or wrong.",
        403: "Another site's page sent it.",
        404: "No such opened photo.",
        413: "The request is too large.",
        422: "A bad picture or option, or no subject.",
        429: "Too many requests; come back after Retry-After seconds.",
        503: "Too busy; come back after Retry-After seconds.",
    }.items()
}


@blueprint.post("/isolate")
@blueprint.input(UploadAndOptions, location="form_and_files")
@blueprint.doc(responses=_PICTURES | _PROBLEMS)
def isolate(form_and_files_data: dict[str, Any]) -> Response:
    """Cut the subject out of a photo."""
    return isolate_upload(form_and_files_data)


@blueprint.post("/instances")
@blueprint.input(Upload, location="form_and_files")
@blueprint.output(OpenedOut, status_code=201)
@blueprint.doc(responses=_PROBLEMS)
def open_photo(form_and_files_data: dict[str, Any]) -> dict[str, Any]:
    """Find the instances in a photo, and keep it for a while to choose among them."""
    here = service()

    def work(turn: Turn) -> dict[str, Any]:
        photo = read_upload(form_and_files_data["image"], here.max_pixels)
        turn.check()
        found = here.isolator.open(photo)
        here.metrics.took(found.seconds)
        turn.check()
        described = describe(found, found.select())
        name = here.photos.add(Opened(found))
        return {"id": name, "lifetime": here.photos.lifetime, **described}

    return here.run(work)


@blueprint.post("/instances/<photo_id>/compose")
@blueprint.input(Options, location="form_and_files")
@blueprint.doc(responses=_PICTURES | _PROBLEMS)
def compose(photo_id: str, form_and_files_data: dict[str, Any]) -> Response:
    """Cut out of an opened photo what is chosen now; the network does not run again."""
    here = service()
    opened = here.photos.get(photo_id)

    def work(turn: Turn) -> Response:
        order = read_order(form_and_files_data, here.isolator.refine_options, here.max_pixels)
        cutout = opened.cut(order.choice, order.refine_options)
        turn.check()
        return answer_with(cutout, order)

    return here.run(work)


@blueprint.delete("/instances/<photo_id>")
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=_PROBLEMS)
def forget(photo_id: str) -> str:
    """Forget an opened photo now."""
    service().photos.forget(photo_id)
    return ""
