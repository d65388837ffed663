"""The hint decoder: a small network that cuts what a person's hints mean.

It reads the eye's features, which are computed once a photo, and maps of the hints: what to keep,
what to drop, how near both are, and the mask so far. A new hint costs a run of the decoder alone.
How it is taught follows RITM (Sofiiuk et al., 2021) and FocalClick (Chen et al., 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vx_detectron.interactive.hint_maps import CHANNELS, DROP, KEEP
from vx_detectron.modeling.eye import FEATURES

_WIDTHS = (24, 48, 64, 80, 80)  # of the decoder at strides 2, 4, 8, 16 and 32
_EMBEDDING = 32  # channels that things are compared in
_COMPARED = 3  # strides, from 4 on
_MOMENTUM = 0.02  # of the norms' statistics: batches are small, and their targets differ widely


class ConvNormReLU(nn.Module):
    """A convolution, a batch norm that learns its statistics, and ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm: nn.Module = nn.BatchNorm2d(outputs, momentum=_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return F.relu(self.norm(self.conv(x)))

    def fold(self) -> None:
        """Make the norm part of the convolution: the same in evaluation mode, and faster."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Likeness(nn.Module):
    """How much each place looks like what is to be kept, and like what is to be dropped."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(inputs, _EMBEDDING, 1)

    def forward(self, features: Tensor, hints: Tensor) -> Tensor:
        """(N, inputs, h, w) and hint maps at that stride to float32 (N, 2, h, w), -1..1.

        0 where nothing is to be kept, or to be dropped.
        """
        embedded = F.normalize(self.embed(features).float(), dim=1, eps=1e-4)
        found = []
        for channel in (KEEP, DROP):
            place = hints[:, channel : channel + 1].float()
            total = place.sum((2, 3), keepdim=True) + 1e-3
            mean = (embedded * place).sum((2, 3), keepdim=True) / total
            found.append((embedded * mean).sum(1, keepdim=True))
        return torch.cat(found, 1)


class HintDecoder(nn.Module):
    """The whole network; see the module."""

    def __init__(self) -> None:
        super().__init__()
        w, hints, likenesses = _WIDTHS, len(CHANNELS), 2
        self.likenesses = nn.ModuleList(Likeness(FEATURES[i + 1]) for i in range(_COMPARED))
        # Down, from stride 4 to 32: what is known of the hints meets the eye's features.
        self.downs = nn.ModuleList(ConvNormReLU(w[i], w[i + 1], stride=2) for i in (1, 2, 3))
        self.reads = nn.ModuleList(
            [
                nn.Sequential(
                    ConvNormReLU(FEATURES[1] + hints + likenesses, w[1]),
                    ConvNormReLU(w[1], w[1]),
                ),
                ConvNormReLU(w[2] + FEATURES[2] + likenesses, w[2]),
                ConvNormReLU(w[3] + FEATURES[3] + likenesses, w[3]),
                ConvNormReLU(w[4] + FEATURES[4], w[4]),
            ]
        )
        self.context = ConvNormReLU(w[4], w[4], 1)
        # And up again, to stride 4, and to 2.
        self.merges = nn.ModuleList(
            ConvNormReLU(w[i], out) for i, out in ((1, w[1]), (2, w[1]), (3, w[2]), (4, w[3]))
        )
        self.narrow = ConvNormReLU(w[1], w[0], 1)
        self.lateral = ConvNormReLU(FEATURES[0] + hints, w[0], 1)
        self.smooth = nn.Sequential(
            ConvNormReLU(w[0], w[0], groups=w[0]), ConvNormReLU(w[0], w[0], 1)
        )
        self.predictors = nn.ModuleList(
            [nn.Conv2d(w[0], 1, 3, padding=1), *(nn.Conv2d(w[i], 1, 1) for i in (1, 1, 2))]
        )

    def forward(self, features: list[Tensor], hints: Tensor) -> list[Tensor]:
        """The mask's logits at strides 2, 4, 8 and 16; the first is the mask.

        Args:
            features: what ``EyeNet.features`` gives for (N, 3, H, W).
            hints: float (N, 8, H, W), 0..1, see ``interactive.hint_maps``.

        Returns:
            Each float (N, 1, H / stride, W / stride); a logit above 0 means "part of it".
        """
        at = [F.avg_pool2d(hints, 2)]  # the hints at strides 2 to 16
        for _ in range(3):
            at.append(F.avg_pool2d(at[-1], 2))
        alike = [
            layer(features[i], at[i]).to(features[i].dtype)
            for i, layer in enumerate(self.likenesses, start=1)
        ]
        x = self.reads[0](torch.cat([features[1], at[1], alike[0]], 1))
        seen = [x]  # at strides 4 to 32
        for i in (1, 2, 3):
            parts = [self.downs[i - 1](x), features[i + 1], *alike[i : i + 1]]
            x = self.reads[i](torch.cat(parts, 1))
            seen.append(x)
        x = self.merges[3](x + self.context(x.mean((2, 3), keepdim=True)))
        merged: list[Tensor] = []  # at strides 4 to 16
        for i in (2, 1, 0):
            x = self.merges[i](seen[i] + _doubled(x))
            merged.insert(0, x)
        x = _doubled(self.narrow(x)) + self.lateral(torch.cat([features[0], at[0]], 1))
        x = x + self.smooth(x)
        return [layer(y) for layer, y in zip(self.predictors, [x, *merged], strict=True)]

    def fold(self) -> HintDecoder:
        """Make every norm part of its convolution, for good; evaluation mode only. Returns self."""
        for part in self.modules():
            if isinstance(part, ConvNormReLU):
                part.fold()
        return self


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
