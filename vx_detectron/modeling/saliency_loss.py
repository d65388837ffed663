"""What the eye's training makes smaller: how far its map is from the subject's mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def saliency_loss(logits: list[Tensor], target: Tensor, edge_weight: float = 0.0) -> Tensor:
    """Binary cross-entropy plus soft IoU (Qin et al., BASNet, 2019), mean over all levels.

    Args:
        logits: per level (N, 1, h, w), finest first.
        target: float (N, 1, H, W), 0..1; negative where unknown.
        edge_weight: how much more a pixel near the subject's edge counts, at most; 5 in F3Net
            (Wei et al., 2020), which this follows; 0 counts all alike.
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
