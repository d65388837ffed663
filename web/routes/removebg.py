"""remove.bg's route: its clients move here by changing a URL.

As its API reference describes ``POST /v1.0/removebg``. What it has and we have not is refused by
name, never ignored.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
from apiflask import APIBlueprint, Schema, fields
from apiflask.validators import OneOf
from flask import Response, jsonify, request
from marshmallow import EXCLUDE

from vx_detectron.deliver import (
    Background,
    Colour,
    Picture,
    Transparent,
    crop_box,
)
from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import NoSubjectError
from vx_detectron.image_io import Photo
from vx_detectron.pipeline import OpenPhoto
from vx_detectron.structures import FloatArray, Instances, Subject
from vx_detectron.subject import Choice
from web.cutting import TYPES, shrink
from web.errors import BadOptionError
from web.gate import Turn
from web.orders import background_of, read_upload
from web.service import service

blueprint = APIBlueprint("removebg", __name__, url_prefix="/v1.0", tag="remove.bg")

_MEGAPIXELS = {
    "preview": 0.25,
    "small": 0.25,
    "regular": 0.25,
    "medium": 1.5,
    "hd": 4.0,
    "4k": 10.0,
    "50MP": None,
    "full": None,
    "auto": None,
}
_KINDS = {
    "person": {"person"},
    "animal": {
        *("bird", "cat", "dog", "horse", "sheep"),
        *("cow", "elephant", "bear", "zebra", "giraffe"),
    },
    "car": {"car", "truck", "bus"},
    "transportation": {"bicycle", "motorcycle", "airplane", "train", "boat"},
}
_TYPES = ("auto", *_KINDS, "product", "graphic", "other")
# What else its clients send, and the values that ask for nothing.
_NEUTRAL = {
    "image_file_b64": {""},
    "image_url": {""},
    "bg_image_url": {""},
    "type_level": {"", "none", "1", "2", "latest"},
    "scale": {"", "original", "100%"},
    "position": {"", "original"},
    "channels": {"", "rgba"},
    "add_shadow": {"", "false"},
    "shadow_type": {"", "none"},
    "semitransparency": {"", "true", "false"},
}


class RemoveBg(Schema):
    """The fields of remove.bg that are honoured."""

    class Meta:  # noqa: D106
        unknown = EXCLUDE

    image_file = fields.File(required=True)
    size = fields.String(load_default="preview", validate=OneOf([*_MEGAPIXELS]))
    type = fields.String(load_default="auto", validate=OneOf(_TYPES))
    format = fields.String(load_default="auto", validate=OneOf(["auto", "png", "jpg", "webp"]))
    bg_color = fields.String(load_default="")
    bg_image_file = fields.File()
    crop = fields.Boolean(load_default=False)
    roi = fields.String(load_default="")


@blueprint.post("/removebg")
@blueprint.input(RemoveBg, location="form_and_files")
@blueprint.doc(
    responses={
        200: {"description": "The cut-out.", "content": {"image/png": {}, "application/json": {}}},
        400: "unknown_foreground, or a bad picture or option.",
        403: "The token is missing or wrong.",
        429: "Too many requests.",
        503: "Too busy.",
    }
)
def remove(form_and_files_data: dict[str, Any]) -> Response:
    """Cut the foreground out, as remove.bg does."""
    _expect_neutral()
    given, here = form_and_files_data, service()

    def work(turn: Turn) -> Response:
        finish = _finish(given, here.max_pixels)
        photo = read_upload(given["image_file"], here.max_pixels)
        x0, y0, x1, y1 = _region(given["roi"], photo.pixels.shape[:2])
        turn.check()
        found = here.isolator.open(photo.part(slice(y0, y1), slice(x0, x1)))
        turn.check()
        cutout = found.cut(_choice_of(given["type"], found))
        here.metrics.took(cutout.provenance.seconds)
        turn.check()
        alpha = np.zeros(photo.pixels.shape[:2], dtype=np.float32)
        alpha[y0:y1, x0:x1] = cutout.alpha
        kind = _kind(cutout.subject, cutout.instances)
        return _answer(*shrink(photo, alpha, _MEGAPIXELS[given["size"]]), finish, kind)

    return here.run(work)


def _expect_neutral() -> None:
    """BadOptionError for a field of remove.bg's that asks for something which is not there."""
    for name, harmless in _NEUTRAL.items():
        value = request.form.get(name, "")
        if value not in harmless:
            words = "addresses are never fetched" if name.endswith("url") else "not supported here"
            raise BadOptionError(f"{name}: {words}; leave it out.")


def _finish(given: dict[str, Any], max_pixels: int) -> Finish:
    background: Background = Transparent()
    colour, file = given["bg_color"].strip(), given.get("bg_image_file")
    if colour and file:
        raise BadOptionError("bg_color and bg_image_file: choose one of them.")
    if colour:
        # Its colours may come without the #.
        bare = re.fullmatch("[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", colour)
        parsed = background_of(f"#{colour}" if bare else colour)
        if not isinstance(parsed, Colour):
            raise BadOptionError(f"bg_color must be a colour, got {colour!r}")
        background = parsed
    elif file:
        background = Picture.from_photo(read_upload(file, max_pixels))
    clear = isinstance(background, Transparent)
    format = given["format"]
    if format == "auto":
        format = "png" if clear else "jpg"
    elif format == "jpg" and clear:
        background = Colour((255, 255, 255))  # as the service itself does
    return Finish(format, background=background, crop=given["crop"], margin=0.0)


def _region(text: str, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The region of interest in pixels, from ``x1 y1 x2 y2`` in pixels or percent."""
    height, width = size
    if not text.strip():
        return 0, 0, width, height
    parts = re.findall(r"(\d{1,6}(?:\.\d{1,4})?)(px|%|)(?:\s+|$)", text.strip())
    wrong = BadOptionError(f"roi must be four numbers, x1 y1 x2 y2, in px or %, got {text!r}")
    if len(parts) != 4 or len(text.split()) != 4:
        raise wrong
    sides = (width, height, width, height)
    x0, y0, x1, y1 = (
        min(round(float(number) * (side / 100 if unit == "%" else 1)), side)
        for (number, unit), side in zip(parts, sides, strict=True)
    )
    left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    if left == right or top == bottom:
        raise wrong
    return left, top, right, bottom


def _choice_of(kind: str, found: OpenPhoto) -> Choice | None:
    """The best-ranked instance of a kind; None where the ranking may decide."""
    if kind not in _KINDS:
        return None
    for place, one in enumerate(found.select().ranking, start=1):
        if one.label in _KINDS[kind]:
            return Choice(rank=place)
    error = NoSubjectError(f"no {kind} was found in the photo")
    error.notes = found.photo.notes
    raise error


def _kind(subject: Subject, instances: Instances) -> str:
    labels = [instances.label(index) for index in subject.chosen]
    for kind, names in _KINDS.items():
        if any(label in names for label in labels):
            return kind
    return "other"


def _answer(photo: Photo, alpha: FloatArray, finish: Finish, kind: str) -> Response:
    file = io.BytesIO()
    finish.write(file, photo, alpha)
    x0, y0, x1, y1 = crop_box(alpha)
    height, width = (y1 - y0, x1 - x0) if finish.crop else alpha.shape
    left, top = (0, 0) if finish.crop else (x0, y0)
    place = {"top": top, "left": left, "width": x1 - x0, "height": y1 - y0}
    if request.accept_mimetypes.best == "application/json":
        data = {f"foreground_{name}": value for name, value in place.items()}
        answer = jsonify(
            {"data": {"result_b64": base64.b64encode(file.getvalue()).decode(), **data}}
        )
    else:
        answer = Response(file.getvalue(), mimetype=TYPES[finish.format])
    for name, value in place.items():
        answer.headers[f"X-Foreground-{name.capitalize()}"] = str(value)
    answer.headers["X-Type"] = kind
    answer.headers["X-Width"], answer.headers["X-Height"] = str(width), str(height)
    answer.headers["X-Credits-Charged"] = "0"
    return answer
