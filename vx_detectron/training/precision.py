"""Mixed precision where it pays."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def depthwise_in_float32(model: nn.Module) -> None:
    """Let the depthwise convolutions that are trained leave autocast.

    On processors their backward pass has no fast bfloat16 kernel: with it they took half of a
    training step, in float32 a tenth.
    """
    for module in model.modules():
        if not (isinstance(module, nn.Conv2d) and module.weight.requires_grad):
            continue
        if module.groups == module.in_channels > 1:
            module.forward = _Float32(module.forward)  # type: ignore[assignment]


class _Float32:
    """A forward function outside autocast."""

    def __init__(self, forward: Any) -> None:
        self.forward = forward

    def __call__(self, x: Tensor) -> Any:
        with torch.autocast(x.device.type, enabled=False):
            return self.forward(x.float())
