"""``average``: one checkpoint out of several of the same network."""

from __future__ import annotations

import math
from pathlib import Path

import click

from vx_detectron.cli.common import Command, UserPath, result


@click.command(cls=Command, name="average")
@click.argument("checkpoints", nargs=-1, required=True, metavar="FILE=SHARE...")
@click.option("-o", "--output", required=True, type=UserPath(dir_okay=False, path_type=Path),
              help="The file to write, a Detectron2 checkpoint.")  # fmt: skip
def main(checkpoints: tuple[str, ...], output: Path) -> None:
    """Average the weights of several checkpoints that were trained from the same weights.

    The average (a "model soup") is often better than each of them. FILE is a path, or weights as
    in a configuration (bundled://, detectron2:// or https://); a share is a number above 0, by
    default 1.

    The path of the new file goes to standard output.

    \b
    Example:
      {prog} output/model_0000999.pth=0.3 output/model_final.pth=0.7 -o mean.pth
    """  # noqa: D301
    pairs = [_parse(text) for text in checkpoints]
    if output.exists():
        raise click.UsageError(f"{output} already exists; choose another --output, or remove it.")
    from vx_detectron.training.averaging import average_checkpoints
    from vx_detectron.training.checkpoints import save
    from vx_detectron.weights.catalog import resolve

    names, shares = zip(*pairs, strict=True)
    save(output.parent, output.name, average_checkpoints([*map(resolve, names)], shares))
    result(str(output))


def _parse(text: str) -> tuple[str, float]:
    name, separator, share = text.rpartition("=")
    if not separator:
        return text, 1.0
    try:
        number = float(share)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise click.UsageError(
            f"{text!r}: expected FILE=SHARE with a share above 0, such as model.pth=0.5"
        )
    return name, number


if __name__ == "__main__":
    main()
