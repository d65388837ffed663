"""The saliency head: a learned map of the main subject, beside the boxes and masks.

A U-shaped network on the trunk's first stages, registered with Detectron2 as a semantic
segmentation head. Its map serves the selection as saliency, the refinement as evidence for the
edge, and it sees subjects that belong to none of the detector's classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import roi_align

from vx_detectron.modeling.fbnet import BOX_HEAD, TRUNK, add_blocks

STRIDE = 2  # of the finest map, in pixels of the network's input


class ConvNormReLU(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(channels, out, kernel, 1, kernel // 2, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )


class SaliencyHead(nn.Module):
    """A branch of the trunk of its own from stride 4 on, and a decoder up to stride 2.

    The branch repeats the trunk's last stages and adds one, where a cell sees most of the photo.
    Because it is separate, it can learn what a subject is without degrading the detector; it
    starts from the trunk's and the box head's weights (see ``copies``).

    Args:
        in_channels: channels of the trunk's stages at strides 2 and 4.
        width: channels of the decoder; a half and a quarter of it at strides 4 and 2.
    """

    def __init__(self, in_channels: list[int], width: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        channels = list(in_channels)
        for blocks in (*TRUNK[2:], BOX_HEAD):
            stage = nn.Sequential()
            channels.append(add_blocks(stage, channels[-1], blocks))
            self.stages.append(stage)
        self.overview = ConvNormReLU(channels[-1], width, 1)
        widths = [width // 4, width // 2, width, width, width]
        self.laterals = nn.ModuleList(
            ConvNormReLU(one, out, 1) for one, out in zip(channels, widths, strict=True)
        )
        self.merges = nn.ModuleList(
            ConvNormReLU(fine + coarse, fine, 3)
            for fine, coarse in zip(widths, [*widths[1:], width], strict=True)
        )
        self.predictors = nn.ModuleList(nn.Conv2d(out, 1, 3, 1, 1) for out in widths)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Logits (N, 1, H / s, W / s) at strides s = 2, 4, 8, 16, 32 from those at 2 and 4."""
        features = list(features)
        for stage in self.stages:
            features.append(stage(features[-1]))
        overview = self.overview(F.adaptive_avg_pool2d(features[-1], 1))
        above = overview.expand(-1, -1, *features[-1].shape[-2:])
        logits: list[Tensor] = []
        for level in reversed(range(len(features))):
            lateral = self.laterals[level](features[level])
            above = self.merges[level](torch.cat([lateral, _twice(above, lateral)], dim=1))
            logits.insert(0, self.predictors[level](above))
        return logits


def _twice(x: Tensor, like: Tensor) -> Tensor:
    """Double the size, and cut to that of ``like``.

    Where the network's input is not a multiple of 32 pixels, the coarser map reaches beyond the
    finer one; squeezing it in would move what it shows.
    """
    height, width = like.shape[-2:]
    if x.shape[-2:] == (height, width):
        return x
    doubled = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    return doubled[..., :height, :width]


def saliency_maps(
    logits: Tensor, sizes: list[tuple[int, int]], stride: int = STRIDE
) -> list[Tensor]:
    """Each image's own part of the finest map: probabilities (h, w) over just that image.

    Args:
        logits: (N, 1, H / stride, W / stride), rounded up.
        sizes: height and width of each image in the batch, in pixels of the network's input.
        stride: of the map.
    """
    maps: list[Tensor] = []
    for logit, (height, width) in zip(logits, sizes, strict=True):
        whole = logit.new_tensor([[0.0, 0.0, width / stride, height / stride]])
        size = (-(-height // stride), -(-width // stride))
        # The last row and column may belong to the image in part: sample just the image.
        maps.append(roi_align(logit[None], [whole], size, 1.0, 1, True)[0, 0].sigmoid())
    return maps


def saliency_loss(logits: list[Tensor], target: Tensor, edge_weight: float = 0.0) -> Tensor:
    """Binary cross-entropy plus soft IoU (Qin et al., BASNet, 2019), mean over all levels.

    Args:
        logits: per level (N, 1, h, w), finest first.
        target: float (N, 1, H, W), 0..1; negative where unknown.
        edge_weight: how much more a pixel near the subject's edge counts, at most; 5 in F3Net
            (Wei et al., 2020), which this follows; 0 weights all pixels equally.
    """
    losses = []
    for level in logits:
        known = _shrunk((target >= 0).float(), level)
        truth = _shrunk(target.clamp(min=0), level) / known.clamp(min=1e-6)
        weight = known * _edge_weight(truth, known, edge_weight)
        losses.append(_bce_iou(level.float(), truth, weight))
    weights = [1.0] + [0.4] * (len(losses) - 1)
    return sum((w * x for w, x in zip(weights, losses, strict=True)), start=logits[0].new_zeros(()))


def _shrunk(x: Tensor, like: Tensor) -> Tensor:
    """Mean over the cells of a map, whose last ones may reach beyond the image; 0 out there."""
    (height, width), (rows, columns) = x.shape[-2:], like.shape[-2:]
    stride = 1
    while rows * stride < height or columns * stride < width:
        stride *= 2
    x = F.pad(x, (0, columns * stride - width, 0, rows * stride - height))
    return F.avg_pool2d(x, stride)


def _edge_weight(truth: Tensor, known: Tensor, edge_weight: float) -> Tensor:
    """1 far from any edge, more where the known surroundings differ from the pixel."""
    if edge_weight == 0:
        return torch.ones_like(truth)
    reach = max(truth.shape[-1] // 22, 1)  # 31 pixels wide at 352, as in F3Net
    around = _mean_around(truth * known, reach) / _mean_around(known, reach).clamp(min=1e-6)
    return 1 + edge_weight * (around - truth).abs()


def _mean_around(x: Tensor, reach: int) -> Tensor:
    # Twice a line rather than once a square: the same mean for a fraction of the work.
    x = F.avg_pool2d(x, (2 * reach + 1, 1), 1, (reach, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, 2 * reach + 1), 1, (0, reach), count_include_pad=False)


def _bce_iou(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    bce = (bce * weight).sum() / weight.sum().clamp(min=1)
    probability = logits.sigmoid()
    both = (weight * probability * truth).sum(dim=(1, 2, 3))
    either = (weight * (probability + truth - probability * truth)).sum(dim=(1, 2, 3))
    # One is added to both, or an empty photo would have no gradient but that of rounding. A photo
    # of which nothing is known adds 0 to the sum, so it does not count.
    photos = (weight.sum(dim=(1, 2, 3)) > 0).sum().clamp(min=1)
    return bce + (1 - (both + 1) / (either + 1)).sum() / photos
