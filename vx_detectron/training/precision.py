"""Mixed precision where it pays."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn

_BFLOAT16_SINCE = (8, 0)  # compute capability: Ampere


class Precision:
    """``SOLVER.AMP``: bfloat16, whose range is that of float32, so that gradients need no scaling.

    GPUs that have it not take float16 with scaled losses, as Detectron2 does.
    """

    def __init__(self, cfg: CfgNode, device: torch.device) -> None:
        self.enabled: bool = cfg.SOLVER.AMP.ENABLED
        self.device_type = device.type
        half = device.type == "cuda" and torch.cuda.get_device_capability(device) < _BFLOAT16_SINCE
        self.dtype = torch.float16 if half else torch.bfloat16
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.enabled and half)

    def autocast(self) -> AbstractContextManager[Any]:
        """For the forward pass."""
        return torch.autocast(self.device_type, self.dtype, enabled=self.enabled)

    def step(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """The backward pass and the optimiser's step; without AMP the plain ones."""
        optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(optimizer)
        self.scaler.update()


def depthwise_in_float32(model: nn.Module) -> None:
    """Let the depthwise convolutions that are trained leave autocast.

    On processors their backward pass has no fast bfloat16 kernel.
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
