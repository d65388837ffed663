"""Mixed precision keeps out of where it is slow."""

from __future__ import annotations

import torch

from vx_detectron.training.precision import depthwise_in_float32


def test_depthwise_convolutions_that_are_trained_run_in_float32_under_autocast() -> None:
    kinds = {"trained": True, "frozen": False}
    for name, trained in kinds.items():
        layer = torch.nn.Conv2d(4, 4, 3, groups=4).requires_grad_(trained)
        depthwise_in_float32(layer)
        with torch.autocast("cpu", torch.bfloat16):
            dtype = layer(torch.zeros(1, 4, 8, 8)).dtype
        assert dtype == (torch.float32 if trained else torch.bfloat16), name
