"""The eye: a network that maps how probably each pixel belongs to the photo's main subject.

EfficientNet-Lite2 (Tan and Le, 2019; the "lite" family has neither squeeze-and-excitation nor
swish) down to stride 32, and a top-down decoder back to stride 2. Its module names below
``backbone`` are those of the PyPI package ``efficientnet-lite-pytorch``, whose ImageNet weights a
training starts from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE_DIVISIBILITY = 32  # both sides of the input, in pixels
STRIDE = 2  # of the map, in pixels of the input
STRIDES = (2, 4, 8, 16, 32)  # of the features

# Of each stage: blocks, kernel, stride of the first block, expansion, output channels.
# EfficientNet-B0 with widths times 1.1 and depths times 1.2; "lite" leaves both ends as they are.
_STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
_STEM = 32  # channels
_TAPS = (0, 3, 6, 14, 20)  # the last blocks at strides 2, 4, 8, 16 and 32
_CHANNELS = (16, 24, 48, 120, 352)  # after them
FEATURES = (32, 64, 64, 64, 64)  # channels of the decoder at these strides
_MEAN, _STD = 0.498, 0.502  # of every channel: 127/255 and 128/255


class FrozenNorm(nn.Module):
    """Batch norm with fixed statistics, folded into the convolution before it.

    One pass over the activations instead of three. Scale and shift can still be trained.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.running_mean: Tensor
        self.running_var: Tensor

    def after(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        """The convolution and this norm, as one convolution."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        weight = conv.weight * scale[:, None, None, None]
        bias = self.bias - self.running_mean * scale
        (stride, _), (kernel, _) = conv.stride, conv.kernel_size
        if stride == 1:
            return F.conv2d(x, weight, bias, 1, kernel // 2, 1, conv.groups)
        return F.conv2d(_padded(x, kernel, stride), weight, bias, stride, 0, 1, conv.groups)


def _padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "same" padding, of sides that the stride divides: one pixel more at the end."""
    total = kernel - stride
    before = total // 2
    return F.pad(x, (before, total - before, before, total - before))


class Block(nn.Module):
    """MobileNet's inverted residual (Sandler et al., 2018)."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands, self.skips = expansion != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = FrozenNorm(inner, 1e-3)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = FrozenNorm(inner, 1e-3)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = FrozenNorm(outputs, 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = F.relu6(self._bn0.after(self._expand_conv, x)) if self.expands else x
        y = F.relu6(self._depthwise(y))
        y = self._bn2.after(self._project_conv, y)
        return x + y if self.skips else y

    def _depthwise(self, x: Tensor) -> Tensor:
        if not (torch.is_grad_enabled() and self._depthwise_conv.weight.requires_grad):
            return self._bn1.after(self._depthwise_conv, x)
        # The backward pass of a depthwise convolution in bfloat16 is slow on CPUs.
        with torch.autocast(x.device.type, enabled=False):
            return self._bn1.after(self._depthwise_conv, x.float())


class Backbone(nn.Module):
    """EfficientNet-Lite2 without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, _STEM, 3, 2, bias=False)
        self._bn0 = FrozenNorm(_STEM, 1e-3)
        blocks: list[Block] = []
        channels = _STEM
        for count, kernel, stride, expansion, outputs in _STAGES:
            for number in range(count):
                step = 1 if number else stride
                blocks.append(Block(kernel, step, expansion, channels, outputs))
                channels = outputs
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at strides 2, 4, 8, 16 and 32 of (N, 3, H, W), normalised."""
        x = F.relu6(self._bn0.after(self._conv_stem, x))
        features = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in _TAPS:
                features.append(x)
        return features


class ConvNormReLU(nn.Module):
    """A convolution of stride 1, a frozen norm and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False)
        self.norm = FrozenNorm(outputs, 1e-5)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return F.relu(self.norm.after(self.conv, x))


class EyeNet(nn.Module):
    """The whole network; see the module."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.context = ConvNormReLU(_CHANNELS[-1], FEATURES[-1], 1)
        self.laterals = nn.ModuleList(
            ConvNormReLU(channels, width, 1)
            for channels, width in zip(_CHANNELS, FEATURES, strict=True)
        )
        self.merges = nn.ModuleList(ConvNormReLU(width, width, 3) for width in FEATURES)
        self.narrow = ConvNormReLU(FEATURES[1], FEATURES[0], 1)
        self.predictors = nn.ModuleList(
            [nn.Conv2d(FEATURES[0], 1, 3, padding=1), *(nn.Conv2d(w, 1, 1) for w in FEATURES[1:])]
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """The map's logits at strides 2, 4, 8, 16 and 32; the first is the map.

        Args:
            images: float (N, 3, H, W), RGB, 0..1; both sides are multiples of 32 pixels.

        Returns:
            Each float (N, 1, H / stride, W / stride); a logit above 0 means "main subject".
        """
        return self.predict(self.features(images))

    def features(self, images: Tensor) -> list[Tensor]:
        """What the maps are predicted from, merged from all strides; the hint decoder reads it too.

        Args:
            images: as for ``forward``.

        Returns:
            At strides 2, 4, 8, 16 and 32, each float (N, FEATURES[i], H / stride, W / stride),
            0 or more.
        """
        found = self.backbone((images - _MEAN) / _STD)
        overview = self.context(found[-1].mean((2, 3), keepdim=True))
        x = self.merges[-1](self.laterals[-1](found[-1]) + overview)
        merged = [x]
        for level in (3, 2, 1, 0):
            if level == 0:
                x = self.narrow(x)
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.merges[level](self.laterals[level](found[level]) + x)
            merged.insert(0, x)
        return merged

    def predict(self, features: list[Tensor]) -> list[Tensor]:
        """The map's logits, as ``forward`` gives them, from what ``features`` gave."""
        return [layer(x) for layer, x in zip(self.predictors, features, strict=True)]
