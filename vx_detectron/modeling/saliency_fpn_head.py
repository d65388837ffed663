"""The saliency map as a second head of a feature pyramid: Detectron2's semantic head, one class.

Kirillov et al., Panoptic Feature Pyramid Networks, 2019, with Detectron2's module names.
"""

from __future__ import annotations

from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.modeling.initial import normal
from vx_detectron.modeling.resnet import Conv2d

# Of its random weights. Detectron2 draws them by the number of channels that come out: with one,
# the loss would begin far above that of a guess.
PREDICTOR_STD = 0.01


class SaliencyFPNHead(nn.Module):
    """Brings every level to one stride by convolutions and upsampling, and sums them.

    Args:
        in_features: names of the levels.
        in_channels: of each level.
        in_strides: of each level, ``stride`` or more.
        width: channels inside the head; a multiple of 32, the groups of its norms.
        stride: of the map, in pixels of the network's input.
    """

    def __init__(
        self,
        in_features: list[str],
        in_channels: list[int],
        in_strides: list[int],
        width: int,
        stride: int,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        for name, channels, own in zip(in_features, in_channels, in_strides, strict=True):
            doublings = int(log2(own // stride))
            layers: list[nn.Module] = []
            for number in range(max(doublings, 1)):
                layers.append(ConvReLU(width if number else channels, width, 3, "GN"))
                if doublings:
                    layers.append(nn.Upsample(scale_factor=2, mode="bilinear"))
            self.add_module(name, nn.Sequential(*layers))
        self.predictor = normal(nn.Conv2d(width, 1, 1), PREDICTOR_STD)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Logits (N, 1, H / stride, W / stride) from the levels, as a list of one."""
        levels = [
            self.get_submodule(name)(level)
            for name, level in zip(self.in_features, features, strict=True)
        ]
        return [self.predictor(torch.stack(levels).sum(dim=0))]


class ConvReLU(Conv2d):
    """A convolution with its normalisation, then ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, out, H, W)."""
        return F.relu_(super().forward(x))
