"""``train_net``: train or fine-tune a network from one yaml file."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import click

from vx_detectron import __version__

FAILED, INTERRUPTED = 1, 130


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config-file", required=True, metavar="FILE", help="A yaml file, or the name of a "
              "bundled configuration, such as finetune_vx_fbnetv3a.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in OUTPUT_DIR, with "
              "the losses that an unbroken run would have.")  # fmt: skip
@click.option("--eval-only", is_flag=True, help="Train nothing: measure MODEL.WEIGHTS on the "
              "photos held out.")  # fmt: skip
@click.option("--num-gpus", type=click.IntRange(1), default=1, metavar="N", help="Train with so "
              "many processes on this machine, one for each GPU, by torchrun.")  # fmt: skip
@click.argument("opts", nargs=-1, metavar="[KEY VALUE]...")
@click.version_option(__version__, prog_name="vx-train")
def main(
    config_file: str, resume: bool, eval_only: bool, num_gpus: int, opts: tuple[str, ...]
) -> None:
    """Train the network of a configuration on your annotated photos.

    KEY VALUE pairs override the file.

    \b
    Examples:
      train_net --config-file finetune_vx_fbnetv3a VX.DATA.JSON mine.json \\
          VX.DATA.IMAGE_ROOT photos OUTPUT_DIR output
      isolate photo.jpg --config-file output/config.yaml --weights output/model_best.pth
      train_net --config-file output/config.yaml --resume
      train_net --config-file output/config.yaml --eval-only MODEL.WEIGHTS output/model_best.pth

    Several machines: start the same command by torchrun on each of them.

    \b
    OUTPUT_DIR receives
      config.yaml     the whole configuration, for isolate and --resume
      splits.json     which photos were learned from, and which were held out
      metrics.json    a line of losses, or of validation figures, each few steps
      curves.png      the same, drawn; TensorBoard's files too (extra "train")
      predictions/    what the model finds in a few photos held out, at each evaluation
      model_best.pth  the best weights on the photos held out, by VX.SOLVER.BEST_BY
      model_final.pth the last weights; model_0000249.pth and the like are for --resume
      result.json     what came out, and which engine trained

    The result, as json, goes to standard output; words go to standard error.

    \b
    Exit codes:
      0    done
      1    failed; the message says what was expected, what came, and what to do
      2    used wrongly; nothing was done
      130  stopped by Ctrl-C or kill, and saved; --resume goes on
    """  # noqa: D301
    if num_gpus > 1 and "WORLD_SIZE" not in os.environ:
        _become_torchrun(num_gpus)
    from vx_detectron.errors import VxError

    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    try:
        sys.exit(_run(config_file, opts, resume, eval_only))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except VxError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(FAILED)


def _become_torchrun(processes: int) -> None:
    """Run the same command in several processes, in place of this one."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    tool = ["-m", "vx_detectron.cli.train_net", *sys.argv[1:]]
    os.execv(sys.executable, [sys.executable, *torchrun, *tool])


def _run(config_file: str, opts: tuple[str, ...], resume: bool, eval_only: bool) -> int:
    from vx_detectron.config import load_cfg
    from vx_detectron.errors import ConfigError

    try:
        cfg = load_cfg(config_file, opts)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    if eval_only:
        from vx_detectron.training.run import evaluate

        _print(evaluate(cfg))
        return 0
    from dataclasses import asdict

    from vx_detectron.training.run import train

    result = train(cfg, resume)
    if os.environ.get("RANK", "0") == "0":
        _print(asdict(result))
    return 0 if result.finished else INTERRUPTED


def _print(result: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
