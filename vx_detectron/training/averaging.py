"""Averages of weights: over the steps of one training, and over several trainings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vx_detectron.errors import TrainingError
from vx_detectron.weights.checkpoint_file import read_checkpoint, read_metadata


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


def average_checkpoints(paths: Sequence[Path], shares: Sequence[float]) -> dict[str, Any]:
    """The mean of the checkpoints' weights; counters are those of the first file that has them.

    Args:
        paths: checkpoints of one network. Counters, such as ``num_batches_tracked``, may be missing
            in some: files to cut with often leave them out.
        shares: of each, above 0; only their ratio matters.

    Returns:
        The content of a checkpoint: ``model``, in float32, and the files' ``metadata``, if there is
        any.

    Raises:
        CheckpointError: a file is missing, damaged or unsafe.
        TrainingError: they are of different networks, or hint decoders that belong to different
            eyes, or a share is not above 0.
    """
    if not paths or min(shares) <= 0:
        raise TrainingError(f"every share must be above 0, got {', '.join(map(str, shares))}")
    states = [read_checkpoint(path) for path in paths]
    weights = [{n: v.float() for n, v in one.items() if v.is_floating_point()} for one in states]
    shapes = [{n: v.shape for n, v in one.items()} for one in weights]
    for path, found in zip(paths, shapes, strict=True):
        if found != shapes[0]:
            raise TrainingError(
                f"{path} and {paths[0]} belong to different networks: their entries differ in name "
                "or shape; average checkpoints of one configuration"
            )
    mean: dict[str, Tensor] = {}
    for state in reversed(states):
        mean.update(state)
    for name, first in weights[0].items():
        weighted = zip(weights, shares, strict=True)
        mean[name] = sum((s * one[name] for one, s in weighted), start=0 * first) / sum(shares)
    metadata = _common_metadata(paths)
    return {"model": mean, "metadata": metadata} if metadata else {"model": mean}


def _common_metadata(paths: Sequence[Path]) -> dict[str, str]:
    """What the files say of themselves, as far as all say it."""
    found = [read_metadata(path) for path in paths]
    for path, one in zip(paths, found, strict=True):
        for key in one.keys() & found[0].keys():
            if one[key] != found[0][key]:
                raise TrainingError(
                    f"{path} and {paths[0]} do not belong together: {key} is {one[key]} in one and "
                    f"{found[0][key]} in the other"
                )
    return {key: text for key, text in found[0].items() if all(key in one for one in found)}
