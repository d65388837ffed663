"""Which boxes a training step learns from: matched with the annotations, then drawn by lot.

Ren et al., Faster R-CNN, 2015, section 3.1.2, as Detectron2 does it, down to the order of the
random numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torchvision.ops import box_iou

from vx_detectron.modeling.samples import Target

# The labels of a box, as IOU_LABELS has them.
POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


class Sampled(NamedTuple):
    """The boxes of one photo that were drawn: their numbers, int64."""

    positive: Tensor  # (P,)
    negative: Tensor  # (B,)
    annotation: Tensor  # (P,), of each positive one


class BoxSampler:
    """Matches and draws as ``MODEL.RPN`` or ``MODEL.ROI_HEADS`` says.

    Args:
        node: one of the two.
        allow_low_quality: give every annotation at least its best box, however bad.
    """

    def __init__(self, node: CfgNode, allow_low_quality: bool) -> None:
        self.thresholds, self.labels = list(node.IOU_THRESHOLDS), list(node.IOU_LABELS)
        self.count, self.positive_fraction = node.BATCH_SIZE_PER_IMAGE, node.POSITIVE_FRACTION
        self.allow_low_quality = allow_low_quality

    @torch.no_grad()
    def __call__(self, boxes: Tensor, target: Target) -> Sampled:
        """Draw from boxes (R, 4) of one photo."""
        iou = box_iou(target.boxes, boxes)
        annotation, labels = match(iou, self.thresholds, self.labels, self.allow_low_quality)
        if not target.complete:
            # It may show a thing that nobody annotated.
            labels[labels == NEGATIVE] = IGNORED
        positive, negative = subsample(labels, self.count, self.positive_fraction)
        return Sampled(positive, negative, annotation[positive])


def match(
    iou: Tensor, thresholds: list[float], labels: list[int], allow_low_quality: bool
) -> tuple[Tensor, Tensor]:
    """The best annotation of every box, and what the box is an example of.

    Args:
        iou: float (N, R), of N annotations with R boxes.
        thresholds: T numbers, ascending.
        labels: T + 1, of the boxes below the first threshold, from it to the second, ...
        allow_low_quality: the best boxes of every annotation are positive, ties included.

    Returns:
        int64 (R,), 0..N-1 (0 where N is 0), and int64 (R,), POSITIVE, NEGATIVE or IGNORED.
    """
    if len(iou) == 0:
        none = torch.zeros(iou.shape[1], dtype=torch.int64, device=iou.device)
        return none, torch.full_like(none, labels[0])
    best, annotation = iou.max(dim=0)
    step = torch.bucketize(best, best.new_tensor(thresholds), right=True)
    label = torch.tensor(labels, device=iou.device)[step]
    if allow_low_quality:
        label[(iou == iou.amax(dim=1, keepdim=True)).any(dim=0)] = POSITIVE
    return annotation, label


def subsample(labels: Tensor, count: int, positive_fraction: float) -> tuple[Tensor, Tensor]:
    """Numbers of the positive and of the negative boxes drawn, at most ``count`` in all.

    Positive ones as many as there are, up to their fraction; negative ones fill the rest.
    """
    positive, negative = (_shuffled(labels == wanted) for wanted in (POSITIVE, NEGATIVE))
    positive = positive[: int(count * positive_fraction)]
    return positive, negative[: count - len(positive)]


def _shuffled(chosen: Tensor) -> Tensor:
    numbers = chosen.nonzero()[:, 0]
    return numbers[torch.randperm(len(numbers), device=numbers.device)]
