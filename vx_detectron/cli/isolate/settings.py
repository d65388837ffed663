"""What the options of ``isolate`` ask for, checked before any network is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import click
from fvcore.common.config import CfgNode

from vx_detectron.cli.common import joined, network_overrides
from vx_detectron.cli.isolate.fingerprint import fingerprint
from vx_detectron.cli.isolate.marks import Marks, read_marks
from vx_detectron.cli.isolate.outputs import choose_format
from vx_detectron.config import load_cfg
from vx_detectron.config.class_names import class_names
from vx_detectron.deliver import (
    BLACK,
    Background,
    Edge,
    PictureFile,
    Placement,
    Transparent,
    parse_background,
    parse_canvas,
    parse_shadow,
    read_background,
)
from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import VxError
from vx_detectron.image_io.writing import QUICK
from vx_detectron.structures import REGION_LABEL
from vx_detectron.subject import Choice
from vx_detectron.subject.choice import folded

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """A validated request.

    Attributes:
        cfg: the configuration with all that the options override.
        choice: which subject a person asked for; empty lets the ranking decide.
        marks: the hints of a person; None without any.
        finish: what the picture shows.
        files: what was read besides the photos, and must not be overwritten.
        fingerprint: of all the above, for the mark in the pictures.
    """

    cfg: CfgNode
    choice: Choice
    marks: Marks | None
    finish: Finish
    files: tuple[str, ...]
    fingerprint: str


def read_settings(options: Options) -> Settings:
    """Check the options and convert them to the records that the steps take.

    Raises:
        click.UsageError: an option that is invalid, or contradicts another one.
    """
    _expect_partners(options)
    try:
        cfg = load_cfg(options["config_file"], _overrides(options))
        marks = read_marks(options)
        choice = _choice(options, boxed=marks is None)
        _expect_classes(choice, (*class_names(cfg), REGION_LABEL))
        background, files = _background(options["background"], options["fit"], cfg)
        placement, shadow = _placement(options), parse_shadow(options["shadow"])
    except VxError as error:
        raise click.UsageError(str(error)) from error
    format = choose_format(options["output"], options["format"])
    if format == "jpg" and isinstance(background, Transparent):
        raise click.UsageError(
            "JPEG cannot keep a transparent background; choose --format png, webp or tiff."
        )
    if options["quality"] and format not in ("jpg", "webp"):
        raise click.UsageError(f"--quality is for jpg and webp; {format} is always lossless.")
    if options["compression"] is not None and format != "png":
        raise click.UsageError(f"--compression is for png; the format is {format}.")
    finish = Finish(
        format,
        options["quality"] or 95,
        background,
        mask_only=options["mask_only"],
        crop=options["crop"],
        margin=(5.0 if options["margin"] is None else options["margin"]) / 100,
        compression=QUICK if options["compression"] is None else options["compression"],
        placement=placement,
        shadow=shadow,
        edge=Edge(options["grow"], options["feather"]),
        decontaminate=options["decontaminate"] / 100,
    )
    if options["strokes"]:
        files = (*files, options["strokes"])
    mark = fingerprint(cfg, choice, finish, marks)
    return Settings(cfg, choice, marks, finish, files, mark)


def _expect_partners(options: Options) -> None:
    """Refuse what would have no effect, or contradicts another option."""
    if options["mask_only"] and options["background"]:
        raise click.UsageError("--mask-only shows no background; leave --background out.")
    if options["canvas"] is not None and options["crop"]:
        raise click.UsageError("--canvas already fits the subject; leave --crop out.")
    if options["margin"] is not None and not options["crop"] and options["canvas"] is None:
        raise click.UsageError("--margin needs --crop or --canvas.")
    if options["mask_only"] and options["shadow"] != "none":
        raise click.UsageError("--mask-only shows no shadow; leave --shadow out.")
    if options["no_refine"] and options["edges"]:
        raise click.UsageError("--edges refines the mask; leave --no-refine out.")
    if options["verbose"] and options["quiet"]:
        raise click.UsageError("choose --verbose or --quiet, not both.")


def _overrides(options: Options) -> list[str]:
    """Keys and values in turn; what ``--opt`` sets comes last and wins."""
    pairs = network_overrides(options)
    if options["no_fallback"]:
        pairs += ["VX.FALLBACK.ENABLED", "False"]
    steps = ("FUSE_SALIENCY", "DENSE_CRF", "MORPHOLOGY", "SHARP_EDGE", "MATTING")
    for step in steps if options["no_refine"] else ("DENSE_CRF",) if options["no_crf"] else ():
        pairs += [f"VX.REFINE.{step}", "False"]
    if options["edges"]:
        pairs += ["VX.REFINE.MATTING", str(options["edges"] == "matte")]
    return [*pairs, *joined(options["opt"])]


def _choice(options: Options, boxed: bool) -> Choice:
    """SubjectError when more than one way is given, or one that cannot be meant.

    Args:
        options: of the command.
        boxed: whether a box chooses; else it is a hint.
    """
    return Choice(
        label=options["subject"],
        rank=options["rank"],
        point=options["at"],
        box=options["box"] if boxed else None,
        everything=options["all"],
        added=options["with"],
        removed=options["without"],
    )


def _expect_classes(choice: Choice, names: tuple[str, ...]) -> None:
    """Refuse names that the model cannot know, before it looks at any photo."""
    known = {folded(name): name for name in names}
    for label in choice.labels:
        if folded(label) not in known:
            near = [known[name] for name in get_close_matches(folded(label), known)]
            hint = f"did you mean {' or '.join(near)}?" if near else f"it knows {', '.join(names)}."
            raise click.UsageError(f"{label!r} is not a class of this model; {hint}")


def _placement(options: Options) -> Placement:
    """Where the subject is."""
    canvas = None if options["canvas"] is None else parse_canvas(options["canvas"])
    right, down = options["move"] or (0.0, 0.0)
    try:
        return Placement(canvas, options["scale"] / 100, (right / 100, down / 100))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _background(
    text: str | None, fit: str | None, cfg: CfgNode
) -> tuple[Background, tuple[str, ...]]:
    """The background, its picture read, and the files that it was read from."""
    parsed = BLACK if text is None else parse_background(text)
    if not isinstance(parsed, PictureFile):
        if fit is not None:
            raise click.UsageError("--fit needs a picture: --background picture:PATH.")
        return parsed, ()
    if fit == "contain":
        parsed = replace(parsed, fit="contain")
    if not os.path.lexists(parsed.path):
        parsed = replace(parsed, path=os.path.expanduser(parsed.path))
    limits = cfg.VX.INPUT
    read = read_background(parsed, max_pixels=limits.MAX_PIXELS, max_bytes=limits.MAX_BYTES)
    return read, (parsed.path,)
