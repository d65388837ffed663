"""Averages of weights: over the steps of one training, and over several trainings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vx_detectron.errors import TrainingError
from vx_detectron.weights.checkpoint_file import read_checkpoint


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of the model that follows it at each ``update_parameters``, in evaluation mode.

    Args:
        model: its buffers, such as batch norm's statistics, are averaged as well.
        decay: how much of itself the average keeps at each step. After n steps it is (1 + n) /
            (10 + n) at most, as in TensorFlow's ExponentialMovingAverage, so that a short
            training is not held back by where it began. 0 copies the model.
    """

    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], count: Tensor) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        if torch.is_floating_point(averages[0]):
            torch._foreach_lerp_(averages, values, 1.0 - kept)
        else:  # counters
            torch._foreach_copy_(averages, values)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True).eval()  # type: ignore


def average_checkpoints(paths: Sequence[Path], shares: Sequence[float]) -> dict[str, Tensor]:
    """The mean of the checkpoints' weights; counters are those of the first.

    Args:
        paths: Detectron2 checkpoints of one network.
        shares: of each, above 0; only their ratio matters.

    Raises:
        CheckpointError: a file is missing, damaged or unsafe.
        TrainingError: they are of different networks, or a share is not above 0.
    """
    if not paths or min(shares) <= 0:
        raise TrainingError(f"every share must be above 0, got {', '.join(map(str, shares))}")
    states = [read_checkpoint(path) for path in paths]
    mean: dict[str, Tensor] = {}
    for path, state in zip(paths, states, strict=True):
        if {n: v.shape for n, v in state.items()} != {n: v.shape for n, v in states[0].items()}:
            raise TrainingError(
                f"{path} and {paths[0]} belong to different networks: their entries differ in name "
                "or shape; average checkpoints of one configuration"
            )
    for name, first in states[0].items():
        mean[name] = first
        if first.is_floating_point():
            weighted = zip(states, shares, strict=True)
            mean[name] = sum((s * one[name] for one, s in weighted), start=0 * first) / sum(shares)
    return mean
