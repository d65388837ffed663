"""What ``evaluate video`` does: measure clips, print a table, write the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from vx_detectron.cli.common import OK, joined, network_overrides, result
from vx_detectron.cli.evaluate.report import Progress
from vx_detectron.cli.video_options import configuration
from vx_detectron.config import load_cfg
from vx_detectron.errors import ConfigError
from vx_detectron.evaluation.results import Results
from vx_detectron.evaluation.video import (
    FIGURES,
    FolderMasks,
    FollowedMasks,
    Masker,
    PhotoMasks,
    evaluate_video,
    find_clips,
)
from vx_detectron.files import write_text
from vx_detectron.pipeline import Isolator
from vx_detectron.video.options import EYE_SIZE, FollowOptions


def run(folders: tuple[Path, ...], options: Mapping[str, Any]) -> int:
    """Measure some clips, and return the exit code."""
    if options["predictions"] is not None and options["photos"]:
        raise click.UsageError("--predictions runs no network; leave --photos out.")
    clips = find_clips(folders, options["masks"])
    frames = sum(len(clip.frames[: options["frames"]]) for clip in clips)
    found: dict[str, Results] = {}
    for name, masker in _maskers(options).items():
        with Progress(frames) as progress:
            found[name] = evaluate_video(clips, masker, most=options["frames"], progress=progress)
        _print(name, found[name])
    if options["output"] is not None:
        text = json.dumps(found, indent=1, allow_nan=False)
        write_text(options["output"] / "results.json", text + "\n")
    return OK


def _maskers(options: Mapping[str, Any]) -> dict[str, Masker]:
    if options["predictions"] is not None:
        return {"predictions": FolderMasks(options["predictions"])}
    follow = FollowOptions(detect_every=options["detect_every"])
    maskers: dict[str, Masker] = {
        "video": FollowedMasks(Isolator(configuration(options, EYE_SIZE)), follow)
    }
    if options["photos"]:
        pairs = [*network_overrides(options), *joined(options["opt"])]
        try:
            maskers["photos"] = PhotoMasks(Isolator(load_cfg(options["config_file"], pairs)))
        except ConfigError as error:
            raise click.UsageError(str(error)) from error
    return maskers


def _print(name: str, results: Results) -> None:
    result(f"{name:<20}{'frames':>8}" + "".join(f"{figure:>9}" for figure in FIGURES))
    for record in (*results["clips"], {"name": "mean", **results["mean"]}):
        figures = "".join(_figure(record[figure]) for figure in FIGURES)
        result(f"{record['name']:<20}{record['frames']:>8}{figures}")


def _figure(value: float) -> str:
    return f"{value:>9}" if isinstance(value, int) else f"{value:>9.3f}"
