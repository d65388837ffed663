"""FBNetV3-A, the mobile network family of D2Go: trunk, RPN head, box head and mask head.

Built from inverted residual blocks (Sandler et al., MobileNetV2, 2018) found by search (Dai et
al., FBNetV3, 2020). Module names are D2Go's, so that its float checkpoints load as they are. The
normalisation is folded into the convolutions, as in an exported network.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(NamedTuple):
    """``repeat`` inverted residuals; the first one has the stride, negative to upsample."""

    kernel: int
    channels: int
    stride: int
    repeat: int
    expansion: int


TRUNK: tuple[tuple[Block, ...], ...] = (
    (Block(3, 16, 1, 1, 1),),
    (Block(5, 32, 2, 1, 4), Block(5, 32, 1, 1, 2)),
    (Block(5, 40, 2, 1, 4), Block(3, 40, 1, 3, 3)),
    (Block(5, 72, 2, 1, 4), Block(3, 72, 1, 3, 3), Block(5, 112, 1, 1, 4), Block(5, 112, 1, 3, 4)),
)
STEM_CHANNELS = 16
RPN_HEAD = (Block(5, 112, 1, 3, 4),)
BOX_HEAD = (Block(3, 128, 2, 1, 4), Block(3, 128, 1, 2, 6), Block(3, 160, 1, 1, 6))
# The trunk of a feature pyramid: the box head's blocks, over the whole photo, as its stride 32.
FPN_TRUNK = (*TRUNK, BOX_HEAD)
MASK_HEAD = (
    Block(3, 128, 2, 1, 4),
    Block(3, 128, 1, 2, 6),
    Block(3, 128, -2, 1, 6),
    Block(3, 64, -2, 1, 3),
)


class ConvReLU(nn.Module):
    """A convolution, then ReLU unless ``relu`` is False."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int, groups: int, relu: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, out, H / stride, W / stride)."""
        y: Tensor = self.conv(x)
        return y.relu_() if self.relu else y


class InvertedResidual(nn.Module):
    """Widen 1x1 with ReLU, filter depthwise, narrow 1x1; add the input where shapes allow."""

    def __init__(self, channels: int, block: Block) -> None:
        super().__init__()
        middle = channels * block.expansion
        self.pw = ConvReLU(channels, middle, 1, 1, 1, True) if middle != channels else None
        stride = max(block.stride, 1)
        self.dw = ConvReLU(middle, middle, block.kernel, stride, middle, False)
        self.pwl = ConvReLU(middle, block.channels, 1, 1, 1, False)
        self.upscale = max(-block.stride, 1)
        self.residual = channels == block.channels and block.stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, block.channels, H / stride, W / stride)."""
        y: Tensor = x if self.pw is None else self.pw(x)
        if self.upscale > 1:
            y = F.interpolate(y, scale_factor=float(self.upscale), mode="nearest")
        y = self.pwl(self.dw(y))
        return x + y if self.residual else y


def add_blocks(
    sequence: nn.Sequential, channels: int, blocks: tuple[Block, ...], stage: int = 0
) -> int:
    """Append inverted residuals under D2Go's names; returns the channels that come out."""
    for block in blocks:
        for repeat in range(block.repeat):
            one = block if repeat == 0 else block._replace(stride=1)
            sequence.add_module(f"fbnetv2_{stage}_{len(sequence)}", InvertedResidual(channels, one))
            channels = block.channels
    return channels


def build_head(channels: int, blocks: tuple[Block, ...]) -> tuple[nn.Sequential, int]:
    """Inverted residuals as the one stage of a head, and the channels that come out."""
    stage = nn.Sequential()
    channels = add_blocks(stage, channels, blocks)
    return nn.Sequential(stage), channels


class FBNetTrunk(nn.Module):
    """Stages named trunk0, trunk1, ... at strides 2, 4, ...; by default four, to stride 16."""

    def __init__(self, stages: tuple[tuple[Block, ...], ...] = TRUNK) -> None:
        super().__init__()
        self.out_channels: dict[str, int] = {}
        self.out_strides: dict[str, int] = {}
        channels = STEM_CHANNELS
        for stage, blocks in enumerate(stages):
            sequence = nn.Sequential()
            if stage == 0:
                sequence.add_module("fbnetv2_0_0", ConvReLU(3, STEM_CHANNELS, 3, 2, 1, True))
            channels = add_blocks(sequence, channels, blocks, stage)
            self.add_module(f"trunk{stage}", sequence)
            self.out_channels[f"trunk{stage}"] = channels
            self.out_strides[f"trunk{stage}"] = 2 ** (stage + 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) normalised BGR to each stage's features."""
        features = {}
        for name in self.out_channels:
            x = self.get_submodule(name)(x)
            features[name] = x
        return features


class FBNetBackbone(nn.Module):
    """``FBNetV2C4Backbone``: the trunk as a backbone without a feature pyramid."""

    def __init__(self) -> None:
        super().__init__()
        self.body = FBNetTrunk()
        self.out_channels = self.body.out_channels
        self.out_strides = self.body.out_strides
        self.size_divisibility = 1

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) normalised BGR to features by stage name."""
        return dict(self.body(x))


class FBNetRPNHead(nn.Module):
    """``FBNetV2RpnHead``: three inverted residuals, then objectness and box deltas."""

    def __init__(self, channels: int, num_anchors: int) -> None:
        super().__init__()
        self.rpn_feature, channels = build_head(channels, RPN_HEAD)
        self.rpn_regressor = nn.ModuleDict(
            {
                "cls_logits": nn.Conv2d(channels, num_anchors, 1),
                "bbox_pred": nn.Conv2d(channels, num_anchors * 4, 1),
            }
        )

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level: logits (N, A, H, W) and deltas (N, 4A, H, W)."""
        features = [self.rpn_feature(level) for level in features]
        logits = [self.rpn_regressor["cls_logits"](level) for level in features]
        return logits, [self.rpn_regressor["bbox_pred"](level) for level in features]


class FBNetBoxHead(nn.Module):
    """``FBNetV2RoIBoxHead``: inverted residuals and a mean over the region."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.roi_box_conv, self.out_channels = build_head(channels, BOX_HEAD)

    def forward(self, regions: Tensor) -> Tensor:
        """(R, channels, 6, 6) to (R, 160)."""
        return torch.flatten(F.adaptive_avg_pool2d(self.roi_box_conv(regions), 1), 1)


class FBNetMaskHead(nn.Module):
    """``FBNetV2RoIMaskHead``: inverted residuals, downsampled once and upsampled twice."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.feature_extractor, channels = build_head(channels, MASK_HEAD)
        self.predictor = nn.ModuleDict({"mask_fcn_logits": nn.Conv2d(channels, num_classes, 1)})

    def forward(self, regions: Tensor) -> Tensor:
        """(R, channels, 14, 14) to mask logits (R, num_classes, 28, 28)."""
        logits: Tensor = self.predictor["mask_fcn_logits"](self.feature_extractor(regions))
        return logits
