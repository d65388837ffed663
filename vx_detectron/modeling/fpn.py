"""Feature pyramid over a trunk (Lin et al., FPN, 2017), with Detectron2's module names."""

from __future__ import annotations

from math import log2

from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.modeling.fbnet import FBNetTrunk
from vx_detectron.modeling.initial import xavier
from vx_detectron.modeling.resnet import ResNet


class FPN(nn.Module):
    """Levels p2 to p5 from the trunk's stages, and p6 by subsampling p5."""

    def __init__(
        self, bottom_up: ResNet | FBNetTrunk, in_features: list[str], out_channels: int
    ) -> None:
        super().__init__()
        self.bottom_up = bottom_up
        self.in_features = in_features
        self.levels = [int(log2(bottom_up.out_strides[name])) for name in in_features]
        for name, level in zip(in_features, self.levels, strict=True):
            channels = bottom_up.out_channels[name]
            lateral = nn.Conv2d(channels, out_channels, 1)
            output = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
            self.add_module(f"fpn_lateral{level}", xavier(lateral))
            self.add_module(f"fpn_output{level}", xavier(output))
        self.size_divisibility = 2 ** self.levels[-1]  # or the levels do not add up
        top = self.levels[-1] + 1
        self.out_channels = {f"p{level}": out_channels for level in [*self.levels, top]}
        self.out_strides = {f"p{level}": 2**level for level in [*self.levels, top]}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) to features by level name, finest first."""
        stages = self.bottom_up(x)
        features: dict[str, Tensor] = {}
        merged: Tensor | None = None
        for name, level in reversed(list(zip(self.in_features, self.levels, strict=True))):
            lateral = self.get_submodule(f"fpn_lateral{level}")(stages[name])
            if merged is not None:
                lateral = lateral + F.interpolate(merged, scale_factor=2.0, mode="nearest")
            merged = lateral
            features[f"p{level}"] = self.get_submodule(f"fpn_output{level}")(merged)
        top = self.levels[-1]
        features[f"p{top + 1}"] = F.max_pool2d(features[f"p{top}"], 1, 2, 0)
        return {name: features[name] for name in self.out_channels}
