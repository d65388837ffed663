"""The running average of the weights, which validates better than the weights themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


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
