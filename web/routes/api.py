"""The API, version 1: cut in one request, or open once and choose as often as you like."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from web.cutting import answer_with, describe, isolate_upload
from web.description import PICTURES, PROBLEMS
from web.gate import Turn
from web.opened import Opened
from web.orders import read_order, read_upload
from web.schemas import (
    OpenedOut,
    Options,
    Upload,
    UploadAndOptions,
)
from web.service import service

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="Cut-outs")


@blueprint.post("/isolate")
@blueprint.input(UploadAndOptions, location="form_and_files")
@blueprint.doc(operation_id="isolate", responses=PICTURES | PROBLEMS)
def isolate(form_and_files_data: dict[str, Any]) -> Response:
    """Cut the subject out of a photo."""
    return isolate_upload(form_and_files_data)


@blueprint.post("/instances")
@blueprint.input(Upload, location="form_and_files")
@blueprint.output(OpenedOut, status_code=201)
@blueprint.doc(operation_id="openPhoto", responses=PROBLEMS)
def open_photo(form_and_files_data: dict[str, Any]) -> dict[str, Any]:
    """Find the instances in a photo, and keep it open for a while to choose among them."""
    here = service()

    def work(turn: Turn) -> dict[str, Any]:
        photo = read_upload(form_and_files_data["image"], here.max_pixels)
        found = here.isolator.open(photo, check=turn.check)
        here.metrics.took(found.seconds)
        turn.check()
        described = describe(found, found.select())
        name = here.photos.add(Opened(found))
        return {"id": name, "lifetime": here.photos.lifetime, **described}

    return here.run(work)


@blueprint.post("/instances/<photo_id>/compose")
@blueprint.input(Options, location="form_and_files")
@blueprint.doc(operation_id="compose", responses=PICTURES | PROBLEMS)
def compose(photo_id: str, form_and_files_data: dict[str, Any]) -> Response:
    """Cut a choice out of an opened photo; the networks do not run again."""
    here = service()
    opened = here.photos.get(photo_id)

    def work(turn: Turn) -> Response:
        order = read_order(form_and_files_data, here.isolator.refine_options, here.max_pixels)
        cutout = opened.cut(
            order.choice,
            order.refine_options,
            order.cut_megapixels,
            turn.check,
            hints=order.hints,
            start=order.start,
        )
        turn.check()
        return answer_with(cutout, order, opened.found.photo.pixels.shape[1])

    return here.run(work)


@blueprint.delete("/instances/<photo_id>")
@blueprint.output({}, status_code=204)
@blueprint.doc(operation_id="forgetPhoto", responses=PROBLEMS)
def forget(photo_id: str) -> str:
    """Close an opened photo."""
    service().photos.forget(photo_id)
    return ""
