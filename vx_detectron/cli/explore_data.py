"""``explore_data``: look at a data set before training on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from vx_detectron.cli.common import (
    CONFIG_FILE,
    FAILED,
    INTERRUPTED,
    OK,
    OVERRIDABLE,
    PARTLY,
    USAGE,
    Command,
    UserPath,
    joined,
    result,
    say,
    with_trailing_overrides,
)

_EXITS = (OK, FAILED, USAGE, PARTLY, INTERRUPTED)


@click.command(cls=Command, name="explore", exits=_EXITS, context_settings=OVERRIDABLE)
@click.option("--json", "json_file", type=UserPath(exists=True), metavar="PATH",
              help="Annotations: COCO json, a folder with train, valid and test folders of COCO "
              "json, a YOLO data.yaml, a folder of LabelMe json, CVAT's XML for images, or VIA "
              "json.")  # fmt: skip
@click.option("--image-root", type=UserPath(exists=True, file_okay=False), metavar="FOLDER",
              help="The photos. The file names in --json are relative to it.")  # fmt: skip
@click.option("--mask-root", type=UserPath(exists=True, file_okay=False), metavar="FOLDER",
              help="Masks named like their photos, instead of --json.")  # fmt: skip
@click.option("--masks", type=click.Choice(["subject", "instances", "classes", "ids", "alpha"]),
              help="What the masks show: subject, a single subject; instances, one instance per "
              "connected piece; classes or ids, the number of each pixel's class or instance, with "
              "0 for background; alpha, the subject as transparency.  "
              "[default: subject]")  # fmt: skip
@click.option("--class-names", metavar="NAME,NAME,...", help="For --masks classes, the names of "
              "classes 1, 2, ...; for --masks instances, one name.")  # fmt: skip
@CONFIG_FILE
@click.option("--coco", type=UserPath(dir_okay=False), metavar="FILE",
              help="Also write everything usable to one COCO json.")  # fmt: skip
@click.option("--decode", is_flag=True, help="Decode every photo, which also finds truncated "
              "files; by default only the headers are read.")  # fmt: skip
@click.option("--photos", type=click.IntRange(0, 2000), default=48, show_default=True,
              help="How many to draw: half of them with a subject, half without.")  # fmt: skip
@click.option("-o", "--output", type=UserPath(file_okay=False), metavar="FOLDER",
              default="data_report", show_default=True,
              help="Where to write index.html and stats.json.")  # fmt: skip
@with_trailing_overrides
def main(opts: tuple[str, ...], **options: Any) -> None:
    """Look at a data set: its statistics, what is broken, and its masks drawn on the photos.

    KEY VALUE pairs override the configuration, as for training, which reads the data in the
    same way.

    The path of the page goes to standard output, messages to standard error. If the exit code
    is 4, the page lists the photos and masks that cannot be used.

    \b
    Examples:
      {prog} --json instances.json --image-root images
      {prog} --image-root photos --mask-root masks
      {prog} --image-root photos --mask-root masks --masks classes --class-names cat,dog
      {prog} --json labelme_folder --coco instances.json
      {prog} --config-file my_training.yaml VX.DATA.IMAGE_ROOT images
    """  # noqa: D301
    from vx_detectron.config import load_cfg
    from vx_detectron.data.coco import write_coco
    from vx_detectron.data.explore.report import PAGE, write_report
    from vx_detectron.data.sources import read_records
    from vx_detectron.errors import ConfigError

    try:
        cfg = load_cfg(
            options["config_file"], [*_overrides(options), *joined(options["opt"]), *opts]
        )
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    folder = Path(options["output"])
    loaded = write_report(
        read_records(cfg),
        folder,
        f"Data of {cfg.VX.DATA.JSON or cfg.VX.DATA.MASK_ROOT}",
        options["photos"],
        max_pixels=cfg.VX.INPUT.MAX_PIXELS,
    )
    if options["coco"]:
        write_coco(Path(options["coco"]), loaded)
    for note in loaded.notes:
        say(f"Note: {note}")
    problems = len(loaded.problems)
    say(f"{len(loaded.records)} photos can be used, {problems} problems")
    result(str(folder / PAGE))
    sys.exit(PARTLY if problems else OK)


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


if __name__ == "__main__":
    main()
