"""The options of ``evaluate``, for the commands that share them."""

from __future__ import annotations

from pathlib import Path

import click

from vx_detectron.cli.common import Number, UserPath

FOLDER = UserPath(exists=True, file_okay=False, path_type=Path)
FILE = UserPath(exists=True, dir_okay=False, path_type=Path)

OUTPUT = click.option("-o", "--output", type=UserPath(file_okay=False, path_type=Path),
                      metavar="FOLDER", help="Where to write report.html, results.json "
                      "and results.csv.  [default: nowhere]")  # fmt: skip
RESULT = (
    OUTPUT,
    click.option("--fail-under", multiple=True, metavar="FIGURE=VALUE", help="Exit with code 5 "
                 "if this figure, by its name in the table, is smaller; may be repeated."),
)  # fmt: skip
PREDICTION = (
    click.option("--predictions", type=FOLDER, metavar="FOLDER", help="Measure the grey masks in "
                 "this folder, named like their photos, and run no network."),
    click.option("--command", metavar="COMMAND", help="Measure the masks that a command "
                 "writes, such as 'rembg i -om {image} {mask}'. No shell runs it."),
    click.option("--time-limit", type=Number(0, min_open=True), default=60.0,
                 show_default=True, metavar="SECONDS", help="Per photo, with --command."),
    click.option("--ablation", is_flag=True, help="Measure the raw masks, each step of the "
                 "refinement on top, and the saliency map alone, in one run of the network."),
    click.option("--rescale", is_flag=True, help="Stretch every mask to 0..1 first, as the "
                 "salient-object literature does."),
    click.option("--choice", type=(FILE, FILE, FOLDER), metavar="LABELS ANNOTATIONS PHOTOS",
                 help="Also measure the choice of the subject, as the command choice does, for "
                 "one page with both."),
    click.option("--against", type=FILE, metavar="FILE", help="The results.json of an earlier run "
                 "on these photos: the page shows what has changed."),
)  # fmt: skip
EVERY = click.option("--every", type=click.IntRange(1), default=1, show_default=True,
                     metavar="N", help="Use only every Nth photo.")  # fmt: skip
