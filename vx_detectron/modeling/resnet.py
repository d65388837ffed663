"""ResNet and ResNeXt trunks with Detectron2's module names (stem, res2 to res5).

He et al., Deep Residual Learning, 2016; Xie et al., ResNeXt, 2017.
"""

from __future__ import annotations

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FrozenBatchNorm2d

from vx_detectron.modeling.initial import msra

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


class Conv2d(nn.Conv2d):
    """A convolution that owns its normalisation as ``norm``, as Detectron2's does.

    Without a normalisation there is no bias either.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, norm: str, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = _build_norm(norm, out)
        msra(self)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, then normalise."""
        if isinstance(self.norm, FrozenBatchNorm2d) and torch.is_autocast_enabled(x.device.type):
            return self._folded(x, self.norm)
        x = super().forward(x)
        return x if self.norm is None else self.norm(x)

    def _folded(self, x: Tensor, norm: FrozenBatchNorm2d) -> Tensor:
        """The frozen norm as part of the convolution.

        By itself it computes in float32, which would end autocast behind every convolution.
        """
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight = self.weight * scale.reshape(-1, 1, 1, 1)
        shift: Tensor = norm.bias - norm.running_mean * scale
        folded: Tensor = self._conv_forward(x, weight, shift)
        return folded


def _build_norm(name: str, channels: int) -> nn.Module | None:
    if name == "":
        return None
    if name == "GN":
        return nn.GroupNorm(32, channels)
    norm: nn.Module = {"FrozenBN": FrozenBatchNorm2d, "BN": nn.BatchNorm2d}[name](channels)
    return norm


class Stem(nn.Module):
    """7x7 convolution of stride 2, ReLU, 3x3 max pooling of stride 2."""

    def __init__(self, out: int, norm: str) -> None:
        super().__init__()
        self.conv1 = Conv2d(3, out, 7, norm, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, out, H / 4, W / 4)."""
        return F.max_pool2d(F.relu_(self.conv1(x)), 3, 2, 1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18 and 34)."""

    def __init__(self, channels: int, out: int, stride: int, norm: str) -> None:
        super().__init__()
        changes = channels != out
        self.shortcut = Conv2d(channels, out, 1, norm, stride) if changes else None
        self.conv1 = Conv2d(channels, out, 3, norm, stride)
        self.conv2 = Conv2d(out, out, 3, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, out, H / stride, W / stride)."""
        y = self.conv2(F.relu_(self.conv1(x)))
        return F.relu_(y + (x if self.shortcut is None else self.shortcut(x)))


class BottleneckBlock(nn.Module):
    """1x1, 3x3 (grouped in ResNeXt), 1x1 and a shortcut.

    ``stride_in_1x1`` puts the stride where the original MSRA models have it.
    """

    def __init__(
        self,
        channels: int,
        middle: int,
        out: int,
        stride: int,
        groups: int,
        stride_in_1x1: bool,
        norm: str,
    ) -> None:
        super().__init__()
        changes = channels != out
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        self.shortcut = Conv2d(channels, out, 1, norm, stride) if changes else None
        self.conv1 = Conv2d(channels, middle, 1, norm, first)
        self.conv2 = Conv2d(middle, middle, 3, norm, second, groups)
        self.conv3 = Conv2d(middle, out, 1, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, out, H / stride, W / stride)."""
        y = F.relu_(self.conv1(x))
        y = self.conv3(F.relu_(self.conv2(y)))
        return F.relu_(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(nn.Module):
    """The trunk named by ``MODEL.RESNETS``."""

    def __init__(self, cfg: CfgNode) -> None:
        super().__init__()
        node = cfg.MODEL.RESNETS
        channels, out = node.STEM_OUT_CHANNELS, node.RES2_OUT_CHANNELS
        middle = node.NUM_GROUPS * node.WIDTH_PER_GROUP
        self.stem = Stem(channels, node.NORM)
        self.out_channels: dict[str, int] = {}
        self.out_strides: dict[str, int] = {}
        for stage, repeats in enumerate(BLOCKS[node.DEPTH]):
            name = f"res{stage + 2}"
            blocks: list[nn.Module] = []
            for repeat in range(repeats):
                stride = 2 if stage > 0 and repeat == 0 else 1
                if node.DEPTH in (18, 34):
                    blocks.append(BasicBlock(channels, out, stride, node.NORM))
                else:
                    blocks.append(
                        BottleneckBlock(
                            channels,
                            middle,
                            out,
                            stride,
                            node.NUM_GROUPS,
                            node.STRIDE_IN_1X1,
                            node.NORM,
                        )
                    )
                channels = out
            self.add_module(name, nn.Sequential(*blocks))
            self.out_channels[name], self.out_strides[name] = out, 4 * 2**stage
            out, middle = out * 2, middle * 2

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) normalised to features res2 to res5, strides 4 to 32."""
        x = self.stem(x)
        features = {}
        for name in self.out_channels:
            x = self.get_submodule(name)(x)
            features[name] = x
        return features

    def freeze(self, freeze_at: int) -> None:
        """Stop the gradient of the stem (1) and of the first stages (2: res2, ...).

        Their batch norms become frozen ones, which training mode leaves as they are.
        """
        for name in ["stem", "res2", "res3", "res4", "res5"][: max(freeze_at, 0)]:
            stage = self.get_submodule(name).requires_grad_(False)
            for part in stage.modules():
                if isinstance(part, Conv2d) and isinstance(part.norm, nn.BatchNorm2d):
                    part.norm = FrozenBatchNorm2d(part.norm.num_features)
