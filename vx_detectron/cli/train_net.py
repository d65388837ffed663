"""``train``: train or fine-tune a network from one yaml file."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence

import click

from vx_detectron.cli.common import (
    INTERRUPTED,
    OK,
    OVERRIDABLE,
    Command,
    UserPath,
    joined,
    result,
    with_trailing_overrides,
)


@click.command(cls=Command, name="train", context_settings=OVERRIDABLE)
@click.option("--config-file", required=True, type=UserPath(), metavar="FILE", help="A yaml file, "
              "or the name of a bundled configuration, such as finetune_vx_fbnetv3a.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint in OUTPUT_DIR, "
              "with the same losses as an uninterrupted run.")  # fmt: skip
@click.option("--eval-only", is_flag=True, help="Do not train; measure MODEL.WEIGHTS on the "
              "held-out photos.")  # fmt: skip
@click.option("--num-gpus", type=click.IntRange(1), default=1, metavar="N", help="Train with N "
              "processes on this machine, one per GPU, started by torchrun.")  # fmt: skip
@with_trailing_overrides
def main(
    config_file: str,
    resume: bool,
    eval_only: bool,
    num_gpus: int,
    opt: tuple[tuple[str, str], ...],
    opts: tuple[str, ...],
) -> None:
    """Train the detector, the eye, both, or the hint decoder on your annotated photos.

    VX.TRAIN says which; "auto" trains whatever the data allow. The hint decoder, which interprets
    clicks, is trained with train_vx_hints. If detector and eye are both trained, each has its own
    folder in OUTPUT_DIR, and OUTPUT_DIR/config.yaml uses the weights of both.

    KEY VALUE pairs override the configuration file.

    \b
    Examples:
      {prog} --config-file finetune_vx_fbnetv3a VX.DATA.JSON mine.json \\
          VX.DATA.IMAGE_ROOT photos OUTPUT_DIR output
      {prog:isolate} photo.jpg --config-file output/config.yaml \\
          --weights output/model_best.pth
      {prog} --config-file train_vx_hints VX.DATA.JSON mine.json \\
          VX.DATA.IMAGE_ROOT photos OUTPUT_DIR output
      {prog} --config-file output/config.yaml --resume
      {prog} --config-file output/config.yaml --eval-only \\
          MODEL.WEIGHTS output/model_best.pth

    On several machines, start the same command with torchrun on each of them.

    \b
    OUTPUT_DIR receives
      config.yaml     the whole configuration, for isolate and --resume
      splits.json     which photos were trained on, and which were held out
      metrics.json    a line of losses, or of validation figures, every few steps
      curves.png      the same as curves; also TensorBoard's files (extra "train")
      predictions/    what the model finds in a few held-out photos, at each evaluation
      model_best.pth  the best weights on the held-out photos, by VX.SOLVER.BEST_BY
      model_final.pth the last weights; model_0000249.pth and so on are for --resume
      result.json     the result, and which engine trained

    The result of each network goes to standard output as a line of json; messages go to standard
    error. Ctrl-C or kill saves the state, and --resume continues from it.
    """  # noqa: D301
    overrides = [*joined(opt), *opts]
    if num_gpus > 1 and "WORLD_SIZE" not in os.environ:
        flags = ["--resume"] * resume + ["--eval-only"] * eval_only
        _become_torchrun(num_gpus, ["--config-file", config_file, *flags, *overrides])
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    sys.exit(_run(config_file, overrides, resume, eval_only))


def _become_torchrun(processes: int, arguments: Sequence[str]) -> None:
    """Run the same command in several processes, in place of this one."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    tool = ["-m", "vx_detectron.cli.train_net", *arguments]
    os.execv(sys.executable, [sys.executable, *torchrun, *tool])


def _run(config_file: str, overrides: Sequence[str], resume: bool, eval_only: bool) -> int:
    from vx_detectron.config import load_cfg
    from vx_detectron.errors import ConfigError

    try:
        cfg = load_cfg(config_file, overrides)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    if eval_only:
        from vx_detectron.training.run import evaluate

        result(json.dumps(evaluate(cfg)))
        return OK
    from dataclasses import asdict

    from vx_detectron.training.run import train

    outcomes = train(cfg, resume)
    if os.environ.get("RANK", "0") == "0":
        for outcome in outcomes:
            result(json.dumps(asdict(outcome)))
    return OK if all(outcome.finished for outcome in outcomes) else INTERRUPTED


if __name__ == "__main__":
    main()
