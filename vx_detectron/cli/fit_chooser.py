"""``fit-chooser``: fit the model that chooses the subject."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vx_detectron.cli.common import (
    OVERRIDABLE,
    Command,
    UserPath,
    joined,
    result,
    with_trailing_overrides,
)
from vx_detectron.errors import ConfigError, VxError
from vx_detectron.files import write_text


@click.command(cls=Command, name="fit-chooser", context_settings=OVERRIDABLE)
@click.argument("data", type=UserPath(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=UserPath(dir_okay=False, path_type=Path), required=True,
              metavar="FILE", help="The json to write; the bundled one is "
              "vx_detectron/subject/chooser.json.")  # fmt: skip
@click.option("--source", "sources", multiple=True, default=["duts_tr"], show_default=True,
              metavar="NAME", help="The source of the photos that have only the mask of their "
              "subject. May be repeated.")  # fmt: skip
@click.option("--masks", type=click.IntRange(0), default=400, show_default=True, metavar="N",
              help="How many photos of --source to use at most.")  # fmt: skip
@click.option("--splits", type=UserPath(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE", help="The splits.json of the eye's training. Of --source, only "
              "photos that it held out are used: the eye knows the others better than it will "
              "know new ones.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, metavar="N",
              help="How many cross-validations to pool.")  # fmt: skip
@with_trailing_overrides
def main(
    data: Path,
    output: Path,
    sources: tuple[str, ...],
    masks: int,
    splits: Path | None,
    seeds: int,
    opt: tuple[tuple[str, str], ...],
    opts: tuple[str, ...],
) -> None:
    """Fit the subject chooser on the photos in DATA, and print cross-validated figures.

    DATA contains instances.json (COCO), images, and subject_choice_dev.json with the subjects
    that people chose. KEY VALUE pairs override the configuration of the network.

    The figures and the path of the file go to standard output, messages to standard error.

    \b
    Example:
      {prog} data -o chooser.json VX.ENGINE torchvision
    """  # noqa: D301
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = [*joined(opt), *opts]
    fits, lines = _fit(data, {"sources": sources, "masks": masks, "splits": splits}, seeds, config)
    for line in lines:
        result(line)
    write_text(output, json.dumps(fits, indent=2) + "\n")
    result(str(output))


def _fit(
    data: Path, photos: dict[str, Any], seeds: int, opts: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    from vx_detectron.config import load_cfg
    from vx_detectron.pipeline import Isolator
    from vx_detectron.training.chooser.examples import gather

    try:
        from vx_detectron.training.chooser.fitting import fit_and_validate
    except ModuleNotFoundError as error:
        raise VxError(f"fitting needs scikit-learn ({error}): pip install scikit-learn") from error
    try:
        cfg = load_cfg(None, opts)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    return fit_and_validate(gather(Isolator(cfg), data, **photos), seeds)


if __name__ == "__main__":
    main()
