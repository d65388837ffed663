"""From the validated fields of a form to the same records that the command line uses.

No field can name a file or a URL: pictures come with the request, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from werkzeug.datastructures import FileStorage

from vx_detectron.deliver import (
    Background,
    Colour,
    Edge,
    Picture,
    PictureFile,
    Placement,
    Transparent,
    parse_background,
    parse_canvas,
    parse_shadow,
)
from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import ConfigError
from vx_detectron.image_io import Photo, read_photo
from vx_detectron.interactive import Hints
from vx_detectron.pipeline import Start
from vx_detectron.refine import RefineOptions
from vx_detectron.subject import Choice
from web import scenes
from web.errors import BadOptionError

T = TypeVar("T")

Fields = Mapping[str, Any]

_BACKGROUNDS = (
    "expected transparent, black, a colour such as orange, #f80 or rgb(255, 136, 0), "
    "gradient:COLOUR,COLOUR, blur, blur:PERCENT, scene:NAME or picture"
)
_WHITE = Colour((255, 255, 255))
_LEAST_CUT = 1.0  # million pixels; less would be no quicker, and its edges worse
_SCENE_SIDE = 1280  # a scene has no detail that a larger one would show


@dataclass(frozen=True)
class Order:
    """One request.

    Attributes:
        choice: which subject; empty lets the ranking decide.
        hints: what a person marked, if anything.
        start: what the hints start from; see ``OpenPhoto.cut``.
        refine_options: how its edge is refined.
        finish: what the picture shows.
        format: as ``Finish.format``, or ``ora`` or ``json``.
        megapixels: the largest result; None for the photo's own size.
    """

    choice: Choice
    hints: Hints | None
    start: Start | None
    refine_options: RefineOptions
    finish: Finish
    format: str
    megapixels: float | None

    @property
    def cut_megapixels(self) -> float | None:
        """How large to cut it: small results from a little more, records from all there is."""
        if self.hints and self.finish.mask_only:
            return self.megapixels  # what answers a stroke must be quick, and need not be fine
        whole = self.megapixels is None or self.format == "json"
        return None if whole else cut_size(self.megapixels)


def cut_size(megapixels: float | None) -> float | None:
    """How many million pixels to cut for a result of so many; None for all there are."""
    return None if megapixels is None else max(megapixels, _LEAST_CUT)


def read_order(given: Fields, refine_options: RefineOptions, max_pixels: int) -> Order:
    """Check what the schema cannot.

    Args:
        given: as ``schemas.Options`` loads it.
        refine_options: what the server's configuration says.
        max_pixels: the largest background picture.

    Raises:
        BadOptionError, ConfigError, SubjectError: an invalid option.
        ImageError: the background picture cannot be read.
    """
    choice = Choice(
        label=given.get("subject"),
        rank=given.get("rank"),
        point=given.get("at"),
        box=given.get("box"),
        everything=given["all"],
        instances=_indices(given.get("instances")),
        added=tuple(given["added"]),
        removed=tuple(given["removed"]),
    )
    hints = given.get("hints") or None
    if given.get("start") and hints is None:
        raise BadOptionError("start says what hints start from; send hints, or leave it out.")
    background = _background(given, max_pixels)
    if given["format"] == "jpg" and isinstance(background, Transparent):
        raise BadOptionError("JPEG cannot keep a transparent background; choose png or webp.")
    finish = Finish(
        format=given["format"] if given["format"] not in ("ora", "json") else "png",
        quality=given["quality"],
        background=background,
        mask_only=given["mask_only"],
        crop=given["crop"],
        margin=given["margin"] / 100,
        placement=_placement(given),
        shadow=_understood(parse_shadow, given["shadow"]),
        edge=Edge(given["grow"], given["feather"]),
        decontaminate=given["decontaminate"] / 100,
    )
    return Order(
        choice,
        hints,
        given.get("start"),
        _refinement(given, refine_options),
        finish,
        given["format"],
        given.get("megapixels"),
    )


def read_upload(file: FileStorage, max_pixels: int) -> Photo:
    """An uploaded picture; its name is neither trusted nor repeated. ImageError for any other."""
    # Its bytes are bounded by MAX_CONTENT_LENGTH already.
    return read_photo(file.stream, name="the picture", max_pixels=max_pixels)


def _indices(numbers: tuple[float, ...] | None) -> tuple[int, ...] | None:
    return None if numbers is None else tuple(int(number) for number in numbers)


def _refinement(given: Fields, options: RefineOptions) -> RefineOptions:
    """The configuration's, less the steps that are switched off, with the edges asked for."""
    edges = given.get("edges")
    return replace(
        options,
        fuse_saliency=options.fuse_saliency and given["fuse_saliency"],
        dense_crf=options.dense_crf and given["dense_crf"],
        morphology=options.morphology and given["morphology"],
        sharp_edge=options.sharp_edge and given["sharp_edge"],
        matting=options.matting if edges is None else edges == "matte",
        edge_width=given.get("softness", options.edge_width),
    )


def _placement(given: Fields) -> Placement:
    """Where the subject stands; a canvas of pixels shrinks with the rest of a small result."""
    canvas = None if "canvas" not in given else _understood(parse_canvas, given["canvas"])
    if canvas is not None and given["crop"]:
        raise BadOptionError("choose crop or canvas, not both: a canvas is already cropped.")
    if canvas is not None and "megapixels" in given:
        canvas = canvas.within(given["megapixels"] * 1e6)
    right, down = given.get("move", (0.0, 0.0))
    try:
        return Placement(canvas, given["scale"] / 100, (right / 100, down / 100))
    except ValueError as error:
        raise BadOptionError(f"{error}.") from error


def _understood(parse: Callable[[str], T], text: str) -> T:
    """What the words mean, as the command line reads them; BadOptionError for any other."""
    try:
        return parse(text)
    except ConfigError as error:
        raise BadOptionError(f"{error}.") from error


def _background(given: Fields, max_pixels: int) -> Background:
    if "background" not in given:
        if given.get("background_file"):
            raise BadOptionError("background_file is for background=picture.")
        return _WHITE if given["format"] == "jpg" else Transparent()
    text = given["background"].strip()
    file: FileStorage | None = given.get("background_file")
    if text == "picture":
        if not file:
            raise BadOptionError("background=picture needs a picture in background_file.")
        return Picture.from_photo(read_upload(file, max_pixels), given["fit"])
    if file:
        raise BadOptionError("background_file is for background=picture.")
    return background_of(text)


def background_of(text: str) -> Background:
    """A background that needs no file; BadOptionError for any other."""
    kind, _, name = text.partition(":")
    if kind == "scene":
        if name not in scenes.NAMES:
            raise BadOptionError(
                f"no such scene: {name!r}; expected one of {', '.join(scenes.NAMES)}."
            )
        return Picture(scenes.draw(name, _SCENE_SIDE * 3 // 4, _SCENE_SIDE))
    try:
        background = parse_background(text)
    except ConfigError as error:
        raise BadOptionError(f"background: {_BACKGROUNDS}; got {text!r}.") from error
    if isinstance(background, PictureFile):
        raise BadOptionError(
            "this server does not read files from paths; send one in background_file."
        )
    return background
