"""The losses of boxes and masks, as Detectron2 sums them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import roi_align

from vx_detectron.modeling import boxes as box_ops


def objectness_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Sum of the binary cross-entropy of the logits (P,) and (B,) of the boxes drawn."""
    truth = torch.cat([torch.ones_like(positive), torch.zeros_like(negative)])
    logits = torch.cat([positive, negative])
    return F.binary_cross_entropy_with_logits(logits.float(), truth.float(), reduction="sum")


def box_loss(
    deltas: Tensor, source: Tensor, truth: Tensor, weights: tuple[float, ...], beta: float
) -> Tensor:
    """Sum of the smooth L1 (Girshick, Fast R-CNN, 2015) of deltas (P, 4).

    Args:
        deltas: predicted for ``source``.
        source: anchors or proposals (P, 4).
        truth: the annotated boxes (P, 4) they should move onto.
        weights: of the encoding, as BBOX_REG_WEIGHTS.
        beta: where the parabola ends; 0 for plain L1.
    """
    wanted = box_ops.encode(source, truth, weights)
    return F.smooth_l1_loss(deltas.float(), wanted, reduction="sum", beta=beta)


def mask_targets(masks: Tensor, annotation: Tensor, boxes: Tensor, side: int) -> Tensor:
    """The mask head's targets: float (P, side, side), 0 or 1.

    Args:
        masks: bool (N, H, W), of a photo's annotations.
        annotation: int64 (P,), which of them each box belongs to.
        boxes: float (P, 4), pixels.
        side: of the mask head's output.
    """
    rois = torch.cat([annotation[:, None].to(boxes.dtype), boxes], dim=1)
    covered: Tensor = roi_align(masks[:, None].float(), rois, side, 1.0, 0, aligned=True)
    return (covered[:, 0] >= 0.5).float()


def mask_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits (P, M, M); 0 where there is none."""
    loss = F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="sum")
    return loss / max(truth.numel(), 1)
