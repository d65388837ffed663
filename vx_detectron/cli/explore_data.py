"""``explore_data``: look at a data set before training on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from vx_detectron import __version__

FAILED, PARTLY = 1, 4


@click.command(name="explore_data", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "json_file", metavar="PATH", help="Annotations: COCO json, a folder with "
              "train, valid and test folders of COCO json, a YOLO data.yaml, a folder of LabelMe "
              "json, CVAT's XML for images, or VIA json.")  # fmt: skip
@click.option("--image-root", metavar="FOLDER", help="The photos; the file names of --json start "
              "from it.")  # fmt: skip
@click.option("--mask-root", metavar="FOLDER", help="Masks that are named like their photos, "
              "instead of --json.")  # fmt: skip
@click.option("--masks", type=click.Choice(["subject", "instances", "classes", "ids", "alpha"]),
              help="What these masks are: the one subject; or each connected piece an instance; or "
              "each pixel the number of its class, or of its instance, 0 for background; or "
              "transparency around the subject.  [default: subject]")  # fmt: skip
@click.option("--class-names", metavar="NAME,NAME,...", help="Of the classes 1, 2, ... of masks of "
              "kind classes; of kind instances one.")  # fmt: skip
@click.option("--config-file", metavar="FILE", help="A yaml file, or the name of a configuration "
              "that comes with the package, whose VX.DATA names the data.")  # fmt: skip
@click.option("--coco", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write what can be used as one COCO json.")  # fmt: skip
@click.option("--decode", is_flag=True, help="Read every photo whole, which also finds files that "
              "are cut off; else only their heads.")  # fmt: skip
@click.option("--photos", type=click.IntRange(0, 2000), default=48, show_default=True,
              help="How many to draw: half of them with a subject, half without.")  # fmt: skip
@click.option("-o", "--output", metavar="FOLDER", default="data_report", show_default=True,
              help="Where index.html and stats.json are written.")  # fmt: skip
@click.version_option(__version__, prog_name="vx-explore")
@click.argument("opts", nargs=-1, metavar="[KEY VALUE]...")
def main(opts: tuple[str, ...], **options: Any) -> None:
    """Look at a data set: its figures, what is broken, and its masks drawn on photos.

    KEY VALUE pairs override the configuration, as in a training, which reads the data in the
    same way.

    \b
    Examples:
      explore_data --json instances.json --image-root images
      explore_data --image-root photos --mask-root masks
      explore_data --image-root photos --mask-root masks --masks classes --class-names cat,dog
      explore_data --json labelme_folder --coco instances.json
      explore_data --config-file my_training.yaml VX.DATA.IMAGE_ROOT images

    The path of the page goes to standard output, words to standard error.

    \b
    Exit codes:
      0    every photo can be used
      1    failed: the data, or its configuration, cannot be read at all
      2    used wrongly; nothing was done
      4    some photos or masks cannot be used; the page names them
    """  # noqa: D301
    from vx_detectron.errors import VxError

    try:
        sys.exit(_run(opts, options))
    except VxError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(FAILED)


def _run(opts: tuple[str, ...], options: dict[str, Any]) -> int:
    from vx_detectron.config import load_cfg
    from vx_detectron.data.coco import write_coco
    from vx_detectron.data.explore.report import PAGE, write_report
    from vx_detectron.data.sources import read_records

    cfg = load_cfg(options["config_file"], [*_overrides(options), *opts])
    folder = Path(options["output"])
    loaded = write_report(
        read_records(cfg),
        folder,
        f"Data of {cfg.VX.DATA.JSON or cfg.VX.DATA.MASK_ROOT}",
        options["photos"],
        max_pixels=cfg.VX.INPUT.MAX_PIXELS,
    )
    if options["coco"]:
        write_coco(options["coco"], loaded)
    for note in loaded.notes:
        click.echo(f"Note: {note}", err=True)
    problems = len(loaded.problems)
    click.echo(f"{len(loaded.records)} photos can be used, {problems} problems", err=True)
    click.echo(str(folder / PAGE))
    return PARTLY if problems else 0


def _overrides(options: dict[str, Any]) -> list[str]:
    """Keys and values in turn."""
    pairs: list[str] = []
    texts = {"json_file": "JSON", "image_root": "IMAGE_ROOT", "mask_root": "MASK_ROOT",
             "masks": "MASKS"}  # fmt: skip
    for option, key in texts.items():
        if options[option] is not None:
            pairs += [f"VX.DATA.{key}", repr(options[option])]  # quoted, so that 2024 stays a text
    if options["decode"]:
        pairs += ["VX.DATA.DECODE", "True"]
    if options["class_names"]:
        names = [name.strip() for name in options["class_names"].split(",")]
        pairs += ["VX.CLASS_NAMES", repr(names), "MODEL.ROI_HEADS.NUM_CLASSES", str(len(names))]
    return pairs
