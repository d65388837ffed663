"""``average_checkpoints``: one checkpoint out of several of the same network."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vx_detectron import __version__


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("checkpoints", nargs=-1, required=True, metavar="FILE=SHARE...")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="Where to write the mean, a Detectron2 checkpoint.")  # fmt: skip
@click.version_option(__version__, prog_name="vx-average-checkpoints")
def main(checkpoints: tuple[str, ...], output: Path) -> None:
    """Average the weights of trainings that began from the same weights.

    The mean ("model soup") is often better than each of them. A share is a number above 0; 1
    where it is left out.

    \b
    Example:
      average_checkpoints output/model_0000999.pth=0.3 output/model_final.pth=0.7 -o mean.pth
    """  # noqa: D301
    from vx_detectron.errors import VxError
    from vx_detectron.training.averaging import average_checkpoints
    from vx_detectron.training.checkpoints import save

    pairs = [_parse(text) for text in checkpoints]
    if output.exists():
        raise click.UsageError(f"{output} is there already: give another name or remove it")
    try:
        mean = average_checkpoints([path for path, _ in pairs], [share for _, share in pairs])
        save(output.parent, output.name, {"model": mean})
    except VxError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    click.echo(output)


def _parse(text: str) -> tuple[Path, float]:
    name, separator, share = text.rpartition("=")
    if not separator:
        return Path(text), 1.0
    try:
        return Path(name), float(share)
    except ValueError:
        raise click.UsageError(f"{text}: expected FILE=SHARE, such as model.pth=0.5") from None


if __name__ == "__main__":
    main()
