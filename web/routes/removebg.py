"""remove.bg's routes: its clients can switch by changing a URL.

As described in its API reference: ``POST /v1.0/removebg`` and ``GET /v1.0/account``. What it has
and we lack is refused with an error, never ignored.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from apiflask import APIBlueprint, Schema, fields
from apiflask.exceptions import HTTPError
from apiflask.validators import OneOf
from flask import Response, jsonify, request
from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage

from vx_detectron.deliver import Background, Colour, Picture, Transparent, crop_box
from vx_detectron.errors import NoSubjectError
from vx_detectron.image_io import changed
from vx_detectron.pipeline import OpenPhoto
from vx_detectron.structures import FloatArray, Instances, Subject
from vx_detectron.subject import Choice
from web.cutting import shrink
from web.description import REMOVEBG
from web.errors import BadOptionError, FormTooLargeError
from web.gate import Turn
from web.guard import allowance
from web.orders import background_of, cut_size, read_upload
from web.placing import place, read_placing
from web.results import Result
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
_NOT_HERE = "not supported here; leave it out"
_NO_ADDRESS = "URLs are never fetched; send the file itself"
# What else its clients send: the values that ask for nothing, and why others are refused.
_OTHERS = {
    "image_url": ({""}, _NO_ADDRESS),
    "bg_image_url": ({""}, _NO_ADDRESS),
    "add_shadow": ({"", "false"}, _NOT_HERE),
    "shadow_type": ({"", "none"}, _NOT_HERE),
    "shadow_opacity": ({""}, _NOT_HERE),
    # Of the windows of cars only, says the reference.
    "semitransparency": ({"", "true", "false"}, _NOT_HERE),
}
_MOST_SIGNS = 200  # commas and brackets in JSON; base64 has none


def _said(description: str) -> dict[str, str]:
    return {"description": description}


class RemoveBg(Schema):
    """The supported fields of remove.bg."""

    image_file = fields.File(metadata=_said("The photo; or send image_file_b64."))
    image_file_b64 = fields.String(load_default="", metadata=_said("The photo in base64."))
    size = fields.String(load_default="preview", validate=OneOf([*_MEGAPIXELS]))
    type = fields.String(load_default="auto", validate=OneOf(_TYPES))
    type_level = fields.String(load_default="1", validate=OneOf(["none", "1", "2", "latest"]))
    format = fields.String(
        load_default="auto",
        validate=OneOf(["auto", "png", "jpg", "webp", "zip"]),
        metadata=_said("zip holds color.jpg and alpha.png."),
    )
    channels = fields.String(load_default="rgba", validate=OneOf(["rgba", "alpha"]))
    bg_color = fields.String(
        load_default="", metadata=_said("3, 4, 6 or 8 hexadecimal digits, or a name.")
    )
    bg_image_file = fields.File()
    crop = fields.Boolean(load_default=False)
    crop_margin = fields.String(load_default="0", metadata=_said("Such as 30px, or 10% 20%."))
    scale = fields.String(load_default="original", metadata=_said("original, or 10% to 100%."))
    position = fields.String(
        load_default="", metadata=_said("original, center, or such as 50% 100%.")
    )
    roi = fields.String(load_default="", metadata=_said("x1 y1 x2 y2, in px or %."))


@blueprint.post("/removebg")
@blueprint.input(RemoveBg, location="form_and_files", validation=False)
@blueprint.doc(operation_id="removeBackground", responses=REMOVEBG)
def remove(form_and_files_data: Any) -> Response:
    """Cut out the foreground, as remove.bg does. The body may also be JSON."""
    given, here = _given(), service()
    placing = read_placing(given["crop"], given["crop_margin"], given["scale"], given["position"])
    file = _photo_of(given)

    def work(turn: Turn) -> Response:
        result = _result_of(given, here.max_pixels)
        photo = read_upload(file, here.max_pixels)
        x0, y0, x1, y1 = _region(given["roi"], photo.pixels.shape[:2])
        whole = (x1 - x0, y1 - y0) == photo.pixels.shape[1::-1]
        seen = photo if whole else changed(photo, lambda array: array[y0:y1, x0:x1].copy())
        found = here.isolator.open(seen, check=turn.check)
        megapixels = _MEGAPIXELS[given["size"]]
        cutout = found.cut(
            _choice_of(given["type"], found),
            megapixels=cut_size(megapixels) if whole else None,
            check=turn.check,
        )
        here.metrics.took(cutout.provenance.seconds)
        turn.check()
        alpha = cutout.alpha
        if whole:
            photo = cutout.photo
        else:
            alpha = np.zeros(photo.pixels.shape[:2], dtype=np.float32)
            alpha[y0:y1, x0:x1] = cutout.alpha
        photo, alpha = place(*shrink(photo, alpha, megapixels), placing, here.max_pixels)
        kind = _kind(cutout.subject, cutout.instances, given["type_level"])
        return _answer(result.write(photo, alpha), result.mimetype, alpha, kind)

    return here.run(work)


@blueprint.get("/account")
@blueprint.doc(operation_id="getAccount", responses={200: "The balance.", 403: "The token."})
def account() -> Response:
    """What clients check before they send photos. Nothing is charged: credits never run out."""
    left = allowance("RATE_LIMIT").headers(request.remote_addr or "")
    credits = {"total": 1_000_000, "subscription": 0, "payg": 1_000_000, "enterprise": 0}
    calls = int(left.get("X-RateLimit-Remaining", 1_000_000))
    api = {"free_calls": calls, "sizes": "all"}
    return jsonify({"data": {"attributes": {"credits": credits, "api": api}}})


def _given() -> dict[str, Any]:
    """The fields of the request, checked.

    Raises:
        BadOptionError: a field that is not known, or asks for what is not there.
        HTTPError: a value that does not fit.
        FormTooLargeError: JSON of too many parts.
    """
    fields_given: Mapping[str, Any]
    if request.mimetype == "application/json":
        fields_given = _json_fields()
    else:
        fields_given = {**request.form.to_dict(), **request.files.to_dict()}
    schema = RemoveBg()
    for name, value in fields_given.items():
        if name in schema.fields:
            continue
        if name not in _OTHERS:
            raise BadOptionError(f"{name[:60]}: no such field.")
        harmless, why = _OTHERS[name]
        if value not in harmless:
            raise BadOptionError(f"{name}: {why}.")
    # As the service itself takes it, a field that is empty has not been sent.
    wanted = {k: value for k, value in fields_given.items() if k in schema.fields and value != ""}
    try:
        loaded: dict[str, Any] = schema.load(wanted)
    except ValidationError as error:
        raise HTTPError(422, detail={"form": error.messages_dict}) from error
    return loaded


def _json_fields() -> dict[str, str]:
    """A flat object's values as a form would send them."""
    body = request.get_data()
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > _MOST_SIGNS:
        raise FormTooLargeError
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadOptionError("The body is not JSON.") from error
    if not isinstance(given, dict):
        raise BadOptionError("The body must be a JSON object.")
    texts: dict[str, str] = {}
    for name, value in given.items():
        if isinstance(value, (dict, list)):
            raise BadOptionError(f"{name[:60]}: expected a single value.")
        text = "" if value is None else str(value)
        texts[name] = text.lower() if isinstance(value, bool) else text
    return texts


def _photo_of(given: dict[str, Any]) -> FileStorage:
    file, text = given.get("image_file"), given["image_file_b64"]
    if bool(file) == bool(text):
        raise BadOptionError(
            "Send the photo either as a file in image_file, or as text in image_file_b64."
        )
    if file:
        return FileStorage(file.stream)
    try:
        # Some clients send a whole data: address.
        data = base64.b64decode(re.sub(r"^data:[^,]{0,100},|\s+", "", text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadOptionError("image_file_b64: expected base64.") from error
    return FileStorage(io.BytesIO(data))


def _result_of(given: dict[str, Any], max_pixels: int) -> Result:
    background, opacity = _background(given, max_pixels)
    mask_only = given["channels"] == "alpha"
    if mask_only and (given["format"] == "zip" or opacity):
        raise BadOptionError(
            "channels: alpha cannot be combined with a background or with format=zip."
        )
    format = given["format"]
    if format == "auto":
        format = "png" if opacity < 1 or mask_only else "jpg"
    elif format == "jpg" and opacity == 0 and not mask_only:
        background, opacity = Colour((255, 255, 255)), 1.0  # as the service itself does
    elif format == "jpg" and opacity < 1 and not mask_only:
        raise BadOptionError("bg_color: JPEG cannot store transparency; choose png, webp or zip.")
    return Result(format, background, opacity, mask_only)


def _background(given: dict[str, Any], max_pixels: int) -> tuple[Background, float]:
    """The background, and how opaque it is, 0..1."""
    colour, file = given["bg_color"].strip(), given.get("bg_image_file")
    if colour and file:
        raise BadOptionError("bg_color and bg_image_file: choose one of them.")
    if file:
        return Picture.from_photo(read_upload(file, max_pixels)), 1.0
    if not colour:
        return Transparent(), 0.0
    digits = colour.removeprefix("#")  # which its colours may lack
    opacity = 1.0
    if re.fullmatch("[0-9a-fA-F]{4}|[0-9a-fA-F]{8}", digits):
        length = len(digits) // 4
        digits, last = digits[:-length], digits[-length:]
        opacity = int(last * (2 // length), 16) / 255
    plain = re.fullmatch("[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits)
    try:
        parsed: Background | None = background_of(f"#{digits}" if plain else colour)
    except BadOptionError:
        parsed = None
    if not isinstance(parsed, Colour):
        raise BadOptionError(
            f"bg_color: expected 3, 4, 6 or 8 hexadecimal digits or a name, got {colour[:60]!r}."
        )
    return (parsed, opacity) if opacity else (Transparent(), 0.0)


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
    for rank, one in enumerate(found.select().ranking, start=1):
        if one.label in _KINDS[kind]:
            return Choice(rank=rank)
    error = NoSubjectError(f"no {kind} was found in the photo")
    error.notes = found.photo.notes
    raise error


def _kind(subject: Subject, instances: Instances, level: str) -> str | None:
    """remove.bg's name of what the subject is; None where none is wanted."""
    if level == "none":
        return None
    labels = [instances.label(index) for index in subject.chosen]
    for kind, names in _KINDS.items():
        if any(label in names for label in labels):
            return "other" if kind == "transportation" and level == "1" else kind
    return "other"


def _answer(file: bytes, mimetype: str, alpha: FloatArray, kind: str | None) -> Response:
    x0, y0, x1, y1 = crop_box(alpha)
    box = {"top": y0, "left": x0, "width": x1 - x0, "height": y1 - y0}
    if request.accept_mimetypes.best == "application/json":
        data = {f"foreground_{name}": value for name, value in box.items()}
        answer = jsonify({"data": {"result_b64": base64.b64encode(file).decode(), **data}})
    else:
        answer = Response(file, mimetype=mimetype)
    for name, value in box.items():
        answer.headers[f"X-Foreground-{name.capitalize()}"] = str(value)
    if kind:
        answer.headers["X-Type"] = kind
    answer.headers["X-Width"], answer.headers["X-Height"] = map(str, alpha.shape[::-1])
    answer.headers["X-Credits-Charged"] = "0"
    return answer
