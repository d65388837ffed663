"""Box arithmetic as Detectron2 does it: boxes are float (..., 4), x0, y0, x1, y1 in pixels."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

# A regressed side grows at most from 16 to 1000 pixels, or exp() overflows early in training.
LARGEST_LOG_SCALE = log(1000.0 / 16.0)


def encode(source: Tensor, target: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Deltas (R, 4) that move ``source`` boxes (R, 4) onto ``target`` boxes (R, 4)."""
    source_size = source[:, 2:] - source[:, :2]
    target_size = target[:, 2:] - target[:, :2]
    shift = (target[:, :2] + 0.5 * target_size) - (source[:, :2] + 0.5 * source_size)
    scale = torch.log(target_size / source_size)
    return torch.cat([shift / source_size, scale], dim=1) * source.new_tensor(weights)


def decode(deltas: Tensor, boxes: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Apply deltas (R, 4K) to boxes (R, 4): boxes (R, 4K)."""
    deltas = deltas.float().reshape(len(deltas), deltas.shape[1] // 4, 4)
    deltas = deltas / deltas.new_tensor(weights)
    boxes = boxes.float()
    size = (boxes[:, 2:] - boxes[:, :2])[:, None]
    centre = boxes[:, None, :2] + 0.5 * size
    centre = deltas[..., :2] * size + centre
    half = 0.5 * torch.exp(deltas[..., 2:].clamp(max=LARGEST_LOG_SCALE)) * size
    return torch.cat([centre - half, centre + half], dim=2).flatten(1)


def clip(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) cut to an image of (height, width)."""
    height, width = image_size
    x = boxes[..., 0::2].clamp(0, width)
    y = boxes[..., 1::2].clamp(0, height)
    return torch.stack([x, y], dim=-1).flatten(-2)


def nonempty(boxes: Tensor, smallest: float = 0.0) -> Tensor:
    """Bool (R,): both sides longer than ``smallest`` pixels."""
    return ((boxes[:, 2:] - boxes[:, :2]) > smallest).all(dim=1)
