"""The fields of requests and responses, for validation by marshmallow and for OpenAPI."""

from __future__ import annotations

import json
import math
from typing import Any

from apiflask import Schema, fields
from apiflask.validators import Length, OneOf, Range
from marshmallow import RAISE, ValidationError

from vx_detectron.deliver.edge import MOST_FEATHER, MOST_GROW
from vx_detectron.errors import HintError
from vx_detectron.interactive import Hints
from web import scenes

FORMATS = ("png", "jpg", "webp", "tiff", "ora", "json")

Responses = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]
"""What a route may answer, by status, in OpenAPI's words: as APIFlask wants it."""


class Numbers(fields.String):
    """Numbers separated by commas, as on the command line; a tuple of floats.

    Args:
        order: what they are, such as ``X,Y``; None for any count of whole numbers.
    """

    def __init__(self, order: str | None = None, **kwargs: Any) -> None:
        number = r"-?[0-9]{1,7}(\.[0-9]{1,4})?" if order else "[0-9]{1,4}"
        count = f"{{{order.count(',')}}}" if order else "{0,199}"
        metadata = kwargs.setdefault("metadata", {})
        metadata["pattern"] = f"^{number}(,{number}){count}$"
        super().__init__(**kwargs)
        self._order = order

    # It stays a String, which is what the OpenAPI description has to call it.
    def _deserialize(  # type: ignore[override]
        self, value: Any, *args: Any, **kwargs: Any
    ) -> tuple[float, ...]:
        text: str = super()._deserialize(value, *args, **kwargs)
        try:
            numbers = tuple(float(part) for part in text.split(","))
        except ValueError:
            numbers = ()
        wanted = self._order.count(",") + 1 if self._order else max(len(numbers), 1)
        if len(numbers) != wanted or not all(map(math.isfinite, numbers)):
            raise ValidationError(f"expected {self._order or 'numbers separated by commas'}.")
        return numbers


class HintsField(fields.String):
    """Hints as JSON; see ``Hints.to_json``."""

    # It stays a String, which is what the OpenAPI description has to call it.
    def _deserialize(  # type: ignore[override]
        self, value: Any, *args: Any, **kwargs: Any
    ) -> Hints:
        text: str = super()._deserialize(value, *args, **kwargs)
        try:
            return Hints.from_json(json.loads(text))
        except HintError as error:
            raise ValidationError(f"{error}.") from error
        except (ValueError, RecursionError) as error:
            raise ValidationError("expected JSON.") from error


def _said(description: str) -> dict[str, str]:
    return {"description": description}


def _classes(name: str, description: str) -> fields.List[Any]:
    """A field that may be repeated, each time with the name of a class."""
    return fields.List(
        fields.String(validate=Length(1, 60)),
        data_key=name,
        load_default=(),
        validate=Length(max=20),
        metadata=_said(description),
    )


class Strict(Schema):
    """A form in which an unknown field is an error."""

    class Meta:  # noqa: D106
        unknown = RAISE


class Options(Strict):
    """What to cut out, and what the result shows; like the options of the command line."""

    subject = fields.String(
        validate=Length(1, 60), metadata=_said("The best instance of this class, such as dog.")
    )
    rank = fields.Integer(
        validate=Range(1, 1000), metadata=_said("The Nth candidate of the ranking, 1 for the best.")
    )
    at = Numbers("X,Y", metadata=_said("What is at this point, in pixels of the photo."))
    box = Numbers("X0,Y0,X1,Y1", metadata=_said("What fits this box best."))
    instances = Numbers(metadata=_said("These instances, by their index, such as 0,2."))
    all = fields.Boolean(load_default=False, metadata=_said("Everything that is found."))
    added = _classes("with", "Add the best instance of this class; may be repeated.")
    removed = _classes("without", "Leave instances of this class out; may be repeated.")

    hints = HintsField(
        metadata=_said(
            'What to keep and what to drop, as JSON: {"keep": [[x, y], ...], "drop": [[x, y], '
            '...], "strokes": [{"kind": "keep" or "drop", "width": 12, "points": [[x, y], ...]}, '
            '...], "box": [x0, y0, x1, y1] or null}, in pixels of the photo. At most 200 points, '
            "and 200 strokes of 2,000 points each."
        ),
    )
    start = fields.String(
        validate=OneOf(["cut", "nothing"]),
        metadata=_said(
            "What the hints start from: the cut made without them, or nothing. The default is cut "
            "if something is chosen or the hints keep nothing, otherwise nothing."
        ),
    )

    edges = fields.String(
        validate=OneOf(["sharp", "matte"]),
        metadata=_said("sharp: a pixel or two wide; matte: for hair and fur, slower."),
    )
    fuse_saliency = fields.Boolean(
        load_default=True, metadata=_said("Let the saliency map correct the masks.")
    )
    dense_crf = fields.Boolean(load_default=True, metadata=_said("Follow the photo's edges."))
    morphology = fields.Boolean(load_default=True, metadata=_said("Close holes and remove specks."))
    sharp_edge = fields.Boolean(
        load_default=True, metadata=_said("Redraw the edge at full resolution.")
    )
    softness = fields.Float(
        validate=Range(0.5, 30), metadata=_said("Width of the soft edge, in pixels of the photo.")
    )

    grow = fields.Float(
        load_default=0.0,
        validate=Range(-MOST_GROW, MOST_GROW),
        metadata=_said(
            "How far to grow the subject, in pixels of the photo; negative values shrink it."
        ),
    )
    feather = fields.Float(
        load_default=0.0,
        validate=Range(0, MOST_FEATHER),
        metadata=_said("Pixels of the photo over which the finished edge fades."),
    )
    decontaminate = fields.Float(
        load_default=100.0,
        validate=Range(0, 100),
        metadata=_said(
            "How much of the old background's colour to remove from the edge, in percent."
        ),
    )

    background = fields.String(
        validate=Length(1, 100),
        metadata=_said(
            "transparent, black, a CSS colour, gradient:COLOUR,COLOUR or "
            "gradient:COLOUR,COLOUR,DEGREES, blur, blur:PERCENT of the photo's diagonal, "
            f"scene:NAME ({', '.join(scenes.NAMES)}), or picture: the file in background_file. "
            "By default transparent, and white for jpg, which has no transparency."
        ),
    )
    background_file = fields.File(metadata=_said("The picture for background=picture."))
    fit = fields.String(
        load_default="cover",
        validate=OneOf(["cover", "contain"]),
        metadata=_said(
            "How that picture is fitted: cover fills the frame, contain shows all of it."
        ),
    )
    shadow = fields.String(
        load_default="none",
        validate=Length(1, 20),
        metadata=_said(
            "none, soft (on a wall), contact (on the ground), or either with its strength in "
            "percent, such as soft:60."
        ),
    )

    format = fields.String(
        load_default="png",
        validate=OneOf(FORMATS),
        metadata=_said("ora has layers, for GIMP and Krita; json has masks and reasons."),
    )
    quality = fields.Integer(
        load_default=95, validate=Range(1, 100), metadata=_said("For jpg and webp.")
    )
    mask_only = fields.Boolean(
        load_default=False, metadata=_said("Only the mask, white where the subject is.")
    )
    crop = fields.Boolean(load_default=False, metadata=_said("Crop the picture to the subject."))
    margin = fields.Float(
        load_default=5.0,
        validate=Range(0, 1000),
        metadata=_said(
            "Space around the subject in percent of its longer side; with crop or canvas."
        ),
    )
    canvas = fields.String(
        validate=Length(3, 20),
        metadata=_said(
            "The shape of the result, with the subject in its middle: a ratio such as 4:5, or "
            "pixels such as 1600x1600, which it is scaled to. By default the photo's own frame."
        ),
    )
    scale = fields.Float(
        load_default=100.0,
        validate=Range(5, 500),
        metadata=_said("Of the subject on its canvas, in percent."),
    )
    move = Numbers(
        "X,Y",
        metadata=_said("How far the subject moves right and down, in percent of the canvas."),
    )
    megapixels = fields.Float(
        validate=Range(0.01, 1000), metadata=_said("The largest size of the result.")
    )


class Upload(Strict):
    """A photo."""

    image = fields.File(
        required=True,
        error_messages={
            "required": "The photo is missing: send it as a file in this field.",
            "invalid": "Expected a file, got text; with curl write image=@photo.jpg.",
        },
        metadata=_said("JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, AVIF, or HEIF where it is installed"),
    )


class UploadAndOptions(Upload, Options):
    """A photo, and what to do with it."""


class CandidateOut(Schema):
    """One candidate of the ranking."""

    index = fields.Integer(metadata=_said("Which of the instances."))
    label = fields.String()
    is_region = fields.Boolean(
        metadata=_said("Whether it is a region of the saliency map, without a known class.")
    )
    score = fields.Float(
        allow_none=True, metadata=_said("The probability that it belongs to the subject, 0..1.")
    )
    reason = fields.String(metadata=_said("The reasons for and against it, as text."))
    features = fields.Dict(
        keys=fields.String(),
        values=fields.Float(allow_none=True),
        metadata=_said("What was measured, each 0..1."),
    )
    contributions = fields.Dict(
        keys=fields.String(),
        values=fields.Float(allow_none=True),
        metadata=_said(
            "What each of them adds to the log-odds, compared with a typical candidate: above 0 it "
            "speaks for it, below against it."
        ),
    )


class SubjectOut(Schema):
    """Which instances are the subject, and why."""

    chosen = fields.List(fields.Integer(), metadata=_said("Empty if there is no subject."))
    labels = fields.List(fields.String())
    reason = fields.String(metadata=_said("One line of text."))
    method = fields.String(metadata=_said("ranking, or what was requested, such as class dog."))
    score = fields.Float(
        allow_none=True, metadata=_said("The probability that there is a subject at all, 0..1.")
    )
    ranking = fields.List(fields.Nested(CandidateOut), metadata=_said("The best first."))


class InstanceOut(Schema):
    """One thing in the photo."""

    label = fields.String()
    is_region = fields.Boolean(
        metadata=_said("Whether it is a region of the saliency map, without a known class.")
    )
    score = fields.Float(allow_none=True, metadata=_said("The detection score, 0..1."))
    box = fields.List(fields.Float(allow_none=True), metadata=_said("x, y, width, height."))


class OutlinedOut(InstanceOut):
    """One thing in the photo, to be drawn and clicked."""

    outline = fields.String(
        metadata=_said("The d attribute of an SVG path, in pixels of the photo.")
    )
    holds = fields.Integer(
        allow_none=True,
        metadata=_said(
            "For a region: the index of the thing whose whole shape it shows; null for none."
        ),
    )


class RleOut(Schema):
    """A mask in COCO's compressed run-length code."""

    size = fields.List(fields.Integer(), metadata=_said("Height and width."))
    counts = fields.String()


class MaskedOut(InstanceOut):
    """One thing in the photo, with its mask."""

    mask = fields.Nested(RleOut)


class ProvenanceOut(Schema):
    """What actually ran."""

    engine = fields.String()
    device = fields.String()
    weights = fields.String()
    weights_sha256 = fields.String()
    eye = fields.String(metadata=_said("The network that maps the main subject; none for none."))
    eye_engine = fields.String(metadata=_said("The engine that ran it; empty without an eye."))
    eye_weights = fields.String()
    eye_sha256 = fields.String()
    mask_source = fields.String(
        metadata=_said("instances, saliency, grabcut fallback, hints or the photo's own cut-out.")
    )
    refinement = fields.List(fields.String(), metadata=_said("The steps, in their order."))
    seconds = fields.Dict(keys=fields.String(), values=fields.Float())
    hints = fields.String(
        metadata=_said("What interpreted the hints: network or graph cut; empty without hints.")
    )


class StrokeOut(Schema):
    """A line drawn with a round brush."""

    kind = fields.String(metadata=_said("keep or drop."))
    width = fields.Float(metadata=_said("In pixels of the photo."))
    points = fields.List(fields.List(fields.Float()), metadata=_said("x, y of each corner."))


class HintsOut(Schema):
    """What a person marked, in pixels of the photo; all of it was respected."""

    keep = fields.List(fields.List(fields.Float()), metadata=_said("x, y of each point."))
    drop = fields.List(fields.List(fields.Float()), metadata=_said("x, y of each point."))
    strokes = fields.List(fields.Nested(StrokeOut))
    box = fields.List(fields.Float(), allow_none=True, metadata=_said("x0, y0, x1, y1."))


class RecordOut(Schema):
    """Everything about a cut-out except its pixels, as ``vx isolate --json`` prints it."""

    width = fields.Integer()
    height = fields.Integer()
    subject = fields.Nested(SubjectOut)
    instances = fields.List(fields.Nested(MaskedOut))
    alpha = fields.Nested(RleOut, metadata=_said("The cut-out's mask, from 0.5 up."))
    hints = fields.Nested(HintsOut, allow_none=True, metadata=_said("null without any."))
    provenance = fields.Nested(ProvenanceOut)
    notes = fields.List(fields.String(), metadata=_said("Notes on how the photo was read."))


class OpenedOut(Schema):
    """An opened photo."""

    id = fields.String()
    lifetime = fields.Float(metadata=_said("Seconds that it is kept after its last use."))
    width = fields.Integer()
    height = fields.Integer()
    subject = fields.Nested(SubjectOut)
    instances = fields.List(fields.Nested(OutlinedOut))
    notes = fields.List(fields.String())


class ProblemOut(Schema):
    """RFC 9457."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata=_said("A code that programs can rely on."))
    detail = fields.String()
    hint = fields.String(metadata=_said("What can be done."))
    notes = fields.List(
        fields.String(), metadata=_said("What was done to the photo, such as the frame chosen.")
    )
    errors = fields.Dict(metadata=_said("Field of the form to its error."))
