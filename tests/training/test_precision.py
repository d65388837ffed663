"""Mixed precision keeps out of where it is slow."""

from __future__ import annotations

import torch

from vx_detectron.modeling.resnet import Conv2d
from vx_detectron.training.precision import depthwise_in_float32


def test_depthwise_convolutions_that_are_trained_run_in_float32_under_autocast() -> None:
    kinds = {"trained": True, "frozen": False}
    for name, trained in kinds.items():
        layer = torch.nn.Conv2d(4, 4, 3, groups=4).requires_grad_(trained)
        depthwise_in_float32(layer)
        with torch.autocast("cpu", torch.bfloat16):
            dtype = layer(torch.zeros(1, 4, 8, 8)).dtype
        assert dtype == (torch.float32 if trained else torch.bfloat16), name


def test_a_frozen_norm_does_not_end_autocast() -> None:
    torch.manual_seed(0)
    conv = Conv2d(4, 6, 3, "FrozenBN")
    norm = conv.norm
    for buffer in (norm.weight, norm.bias, norm.running_mean):
        buffer.copy_(torch.randn(6))
    norm.running_var.copy_(torch.rand(6) + 0.5)
    x = torch.randn(2, 4, 9, 9)
    expected = conv(x)
    with torch.autocast("cpu", torch.bfloat16):
        got = conv(x)
    assert got.dtype == torch.bfloat16 and expected.dtype == torch.float32
    assert torch.allclose(got.float(), expected, atol=0.05 * expected.detach().abs().max().item())
    got.float().sum().backward()
    folded = conv.weight.grad.clone()
    conv.weight.grad = None
    expected.sum().backward()
    assert torch.allclose(folded, conv.weight.grad, atol=0.05 * float(folded.abs().max()))
