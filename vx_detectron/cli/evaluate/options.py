"""The options of ``evaluate``, for the commands that share them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

NETWORK = (
    click.option("--config-file", metavar="FILE", help="A yaml file, or the name of a "
                 "configuration that comes with the package.  [default: vx_fbnetv3a]"),
    click.option("--weights", metavar="PATH|URL", help="Other weights for the network."),
    click.option("--engine", type=click.Choice(["auto", "detectron2", "torchvision"]),
                 help="What runs the network.  [default: auto]"),
    click.option("--device", metavar="NAME", help="cpu, cuda, cuda:N or auto.  [default: auto]"),
    click.option("--opt", nargs=2, multiple=True, metavar="KEY VALUE", help="Override a key of "
                 "the configuration; may be repeated."),
)  # fmt: skip
OUTPUT = click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path),
                      metavar="FOLDER", help="Where to write report.html and, of what was "
                      "measured, results.json and results.csv.  [default: nowhere]")  # fmt: skip
RESULT = (
    OUTPUT,
    click.option("--fail-under", multiple=True, metavar="FIGURE=VALUE", help="Exit with 5 where "
                 "this figure, by its name in the table, is smaller; may be repeated."),
)  # fmt: skip
PREDICTION = (
    click.option("--predictions", type=FOLDER, metavar="FOLDER", help="Measure the grey masks in "
                 "this folder, named like their photos, and run no network."),
    click.option("--command", metavar="COMMAND", help="Measure what a command makes of each "
                 "photo, such as 'rembg i -om {image} {mask}'. No shell runs it."),
    click.option("--time-limit", type=click.FloatRange(0, min_open=True), default=60.0,
                 show_default=True, metavar="SECONDS", help="For one photo, with --command."),
    click.option("--ablation", is_flag=True, help="Measure the raw masks, each step of the "
                 "refinement on top, and the saliency map alone, in one run of the network."),
    click.option("--rescale", is_flag=True, help="Stretch every mask to 0..1 first, as published "
                 "figures of the salient-object literature have it."),
    click.option("--choice", type=(FILE, FILE, FOLDER), metavar="LABELS ANNOTATIONS PHOTOS",
                 help="Ask the network for its choice of the subject too, as the command choice "
                 "does, for one page with both."),
    click.option("--against", type=FILE, metavar="FILE", help="The results.json of another run "
                 "over these photos: the page says what has changed since."),
)  # fmt: skip
EVERY = click.option("--every", type=click.IntRange(1), default=1, show_default=True,
                     metavar="N", help="Take every N-th photo only.")  # fmt: skip


def with_options(*options: Any) -> Callable[[Command], Command]:
    """Several options as one decorator."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
