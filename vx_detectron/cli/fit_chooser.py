"""``fit_chooser``: fit the numbers by which the subject is chosen."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from vx_detectron import __version__

FAILED = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True,
              metavar="FILE", help="The json to write; the bundled one is "
              "vx_detectron/subject/chooser.json.")  # fmt: skip
@click.option("--source", default="duts_tr", show_default=True, metavar="NAME",
              help="Source of the photos with only the mask of their subject.")  # fmt: skip
@click.option("--masks", type=click.IntRange(0), default=400, show_default=True, metavar="N",
              help="How many photos of --source to use.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, metavar="N",
              help="Cross-validations to pool.")  # fmt: skip
@click.version_option(__version__, prog_name="vx-fit-chooser")
@click.argument("opts", nargs=-1, metavar="[KEY VALUE]...")
def main(
    data: Path, output: Path, source: str, masks: int, seeds: int, opts: tuple[str, ...]
) -> None:
    """Fit the subject chooser on the photos in DATA, and print cross-validated figures.

    DATA holds instances.json (COCO), images, and subject_choice_dev.json, the labels of people's
    choices. KEY VALUE pairs override the configuration of the network.

    \b
    Example:
      fit_chooser data -o vx_detectron/subject/chooser.json VX.ENGINE torchvision

    The figures and the path of the file go to standard output, messages to standard error.

    \b
    Exit codes:
      0    done
      1    failed; the message says what was expected, what came, and what to do
      2    used wrongly; nothing was done
    """  # noqa: D301
    from vx_detectron.errors import VxError

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        _fit(data, output, source, masks, seeds, opts)
    except VxError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(FAILED)
    click.echo(output)


def _fit(
    data: Path, output: Path, source: str, masks: int, seeds: int, opts: tuple[str, ...]
) -> None:
    import json

    from vx_detectron.config import load_cfg
    from vx_detectron.engines import build_engine
    from vx_detectron.errors import ConfigError
    from vx_detectron.files import write_text
    from vx_detectron.training.chooser.examples import gather

    try:
        from vx_detectron.training.chooser.fitting import fit_and_validate
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"fitting needs scikit-learn ({error}): pip install scikit-learn"
        ) from error
    try:
        cfg = load_cfg(None, opts)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    fits, lines = fit_and_validate(gather(build_engine(cfg), data, source, masks), seeds)
    for line in lines:
        click.echo(line)
    write_text(output, json.dumps(fits, indent=2) + "\n")


if __name__ == "__main__":
    main()
