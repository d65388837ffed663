"""The eye's network: its backbone beside an independent one, its sizes, and what learns."""

from __future__ import annotations

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from small_networks import fill
from torch import Tensor, nn

from vx_detectron.modeling.eye import Backbone, EyeNet, FrozenNorm
from vx_detectron.weights.key_table import rename

STRIDES = (2, 4, 8, 16, 32)


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """EfficientNet-Lite2 by other people, with random weights and statistics.

    Its own padding is laid out for one size of the photo, and is right for its multiples alone.
    """
    return fill(EfficientNet.from_name("efficientnet-lite2", image_size=64))


def taps(reference: nn.Module, photo: Tensor) -> list[Tensor]:
    """The reference's features before each stride and at the end, from its own layers."""
    x = reference._swish(reference._bn0(reference._conv_stem(photo)))
    found = []
    for block in reference._blocks:
        y = block(x)
        if y.shape[-1] != x.shape[-1]:
            found.append(x)
        x = y
    return [*found, x]


def test_the_backbone_is_efficientnet_lite2(reference: nn.Module) -> None:
    eye = EyeNet()
    given = rename({n: v for n, v in reference.state_dict().items() if n.startswith("_")})
    given = {n: v for n, v in given.items() if n.startswith("backbone.")}
    own = {name for name in eye.state_dict() if name.startswith("backbone.")}
    assert own <= given.keys()  # the rest is batch norm's counter
    eye.load_state_dict(given, strict=False)
    photo = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        found, expected = eye.backbone(photo), taps(reference, photo)
    assert len(found) == len(expected) == 5
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert other.std() > 0.01
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-3 * other.abs().max().item())


@pytest.mark.parametrize("size", [(64, 96), (32, 32), (160, 32)])
def test_there_is_a_map_at_every_stride_finest_first(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        logits = EyeNet().eval()(torch.rand(2, 3, *size))
    expected = [(2, 1, size[0] // stride, size[1] // stride) for stride in STRIDES]
    assert [tuple(level.shape) for level in logits] == expected


def test_mean_and_deviation_are_those_of_efficientnet_lite() -> None:
    """127 and 128 of 255: photos reach the backbone within -1 .. 1."""
    eye, seen = EyeNet().eval(), list[Tensor]()
    eye.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        eye(torch.tensor([0.0, 127 / 255, 1.0]).repeat_interleave(32).expand(1, 3, 32, 96))
    assert seen[0][0, 0, 0, [0, 32, 64]].tolist() == pytest.approx([-127 / 128, 0, 1], abs=1e-3)


@pytest.mark.parametrize(("kernel", "groups"), [(3, 1), (5, 8), (1, 1)])
def test_a_folded_norm_is_a_convolution_and_a_batch_norm(kernel: int, groups: int) -> None:
    conv = nn.Conv2d(8, 8, kernel, padding=kernel // 2, groups=groups, bias=False)
    batch_norm, frozen = nn.BatchNorm2d(8, eps=1e-3), FrozenNorm(8, 1e-3)
    fill(batch_norm)
    frozen.load_state_dict(
        {n: v for n, v in batch_norm.state_dict().items() if n != "num_batches_tracked"}
    )
    x = torch.randn(2, 8, 12, 16, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(frozen.after(conv, x), batch_norm(conv(x)), atol=1e-5)


def test_statistics_never_move_and_scales_learn() -> None:
    eye = EyeNet().train()
    before = {name: value.clone() for name, value in eye.named_buffers()}
    sum(level.sum() for level in eye(torch.rand(1, 3, 64, 64))).backward()  # type: ignore[union-attr]
    assert before and all(torch.equal(value, before[n]) for n, value in eye.named_buffers())
    norms = [part for part in eye.modules() if isinstance(part, FrozenNorm)]
    assert all(part.weight.grad is not None and part.bias.grad is not None for part in norms)


def test_only_what_is_not_frozen_has_a_gradient() -> None:
    eye = fill(EyeNet()).train()
    for name, value in eye.named_parameters():
        value.requires_grad_(not name.startswith(("backbone._conv_stem", "backbone._blocks.0.")))
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    sum(level.square().mean() for level in eye(photo)).backward()  # type: ignore[union-attr]
    for name, value in eye.named_parameters():
        assert (value.grad is not None) == value.requires_grad, name
        assert value.grad is None or torch.isfinite(value.grad).all(), name


def test_depthwise_convolutions_learn_the_same_in_half_precision() -> None:
    """They stay in float32 there, where a backward pass in bfloat16 is slow."""
    backbone = fill(Backbone()).train()
    kernel = backbone._blocks[1]._depthwise_conv.weight
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    gradients = []
    for enabled in (False, True):
        kernel.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = backbone(photo)[1].float().mean()
        loss.backward()
        assert kernel.grad is not None and kernel.grad.dtype == torch.float32
        gradients.append(kernel.grad.flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.98
