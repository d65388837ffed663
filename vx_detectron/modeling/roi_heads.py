"""From proposals to detections: pooling, box head, class-wise NMS, mask head.

Ren et al., Faster R-CNN, 2015; He et al., Mask R-CNN, 2017; selected as Detectron2 does.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import batched_nms, roi_align

from vx_detectron.modeling import boxes as box_ops
from vx_detectron.modeling.fbnet import FBNetBoxHead, FBNetMaskHead
from vx_detectron.modeling.initial import msra, normal, xavier
from vx_detectron.modeling.losses import box_loss, mask_loss, mask_targets
from vx_detectron.modeling.matching import BoxSampler
from vx_detectron.modeling.samples import Target

# An RoI of 224 pixels belongs to level 4 of the pyramid (equation 1 of the FPN paper).
CANONICAL_SIZE, CANONICAL_LEVEL = 224, 4


class Detections(NamedTuple):
    """One image's detections in pixels of the network's input, best first."""

    boxes: Tensor  # float (N, 4)
    scores: Tensor  # float (N,)
    classes: Tensor  # int64 (N,)
    masks: Tensor  # float (N, M, M), probabilities


class Regions(NamedTuple):
    """One image's proposals that the heads learn from."""

    positive: Tensor  # float (P, 4)
    negative: Tensor  # float (B, 4), background
    annotation: Tensor  # int64 (P,), the number in ``target`` of each positive one
    target: Target


class ROIPooler(nn.Module):
    """RoIAlign from the level that suits the size of each box."""

    def __init__(self, resolution: int, strides: list[int], ratio: int, pooler: str) -> None:
        super().__init__()
        self.resolution, self.strides, self.ratio = resolution, strides, ratio
        self.aligned = {"ROIAlignV2": True, "ROIAlign": False}[pooler]

    def forward(self, levels: list[Tensor], boxes: list[Tensor]) -> Tensor:
        """Features (R, C, S, S) of the boxes (R_i, 4) of every image, in their order."""
        index = [box.new_full((len(box), 1), i) for i, box in enumerate(boxes)]
        rois = torch.cat([torch.cat(index), torch.cat(boxes)], dim=1)
        if len(levels) == 1:
            return self._pool(levels[0], rois, self.strides[0])
        assigned = self._assign(rois[:, 1:])
        size = (len(rois), levels[0].shape[1], self.resolution, self.resolution)
        pooled = levels[0].new_zeros(size)
        for number, (level, stride) in enumerate(zip(levels, self.strides, strict=True)):
            chosen = (assigned == number).nonzero()[:, 0]
            pooled = pooled.index_put((chosen,), self._pool(level, rois[chosen], stride))
        return pooled

    def _assign(self, boxes: Tensor) -> Tensor:
        finest = int(torch.tensor(self.strides[0]).log2())
        side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
        level = torch.floor(CANONICAL_LEVEL + torch.log2(side / CANONICAL_SIZE + 1e-8))
        return level.clamp(finest, finest + len(self.strides) - 1).long() - finest

    def _pool(self, level: Tensor, rois: Tensor, stride: int) -> Tensor:
        pooled: Tensor = roi_align(
            level, rois, self.resolution, 1.0 / stride, self.ratio, self.aligned
        )
        return pooled


class FastRCNNConvFCHead(nn.Module):
    """Convolutions, then fully connected layers, each with ReLU."""

    def __init__(self, cfg: CfgNode, channels: int) -> None:
        super().__init__()
        node = cfg.MODEL.ROI_BOX_HEAD
        self.convs, self.fcs = [], []
        for number in range(1, node.NUM_CONV + 1):
            self.add_module(f"conv{number}", msra(nn.Conv2d(channels, node.CONV_DIM, 3, 1, 1)))
            self.convs.append(f"conv{number}")
            channels = node.CONV_DIM
        width = channels * node.POOLER_RESOLUTION**2
        for number in range(1, node.NUM_FC + 1):
            self.add_module(f"fc{number}", xavier(nn.Linear(width, node.FC_DIM)))
            self.fcs.append(f"fc{number}")
            width = node.FC_DIM
        self.out_channels = width

    def forward(self, regions: Tensor) -> Tensor:
        """(R, channels, S, S) to (R, out_channels)."""
        for name in self.convs:
            regions = F.relu_(self.get_submodule(name)(regions))
        flat = regions.flatten(1)
        for name in self.fcs:
            flat = F.relu_(self.get_submodule(name)(flat))
        return flat


class FastRCNNOutputLayers(nn.Module):
    """Class scores (background last) and box deltas for every class."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.cls_score = normal(nn.Linear(channels, num_classes + 1), 0.01)
        self.bbox_pred = normal(nn.Linear(channels, num_classes * 4), 0.001)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(R, channels) to logits (R, K + 1) and deltas (R, 4K)."""
        return self.cls_score(features), self.bbox_pred(features)


class MaskRCNNConvUpsampleHead(nn.Module):
    """3x3 convolutions, a 2x up-convolution, a 1x1 predictor."""

    def __init__(self, cfg: CfgNode, channels: int, num_classes: int) -> None:
        super().__init__()
        width = cfg.MODEL.ROI_MASK_HEAD.CONV_DIM
        self.convs = [f"mask_fcn{number + 1}" for number in range(cfg.MODEL.ROI_MASK_HEAD.NUM_CONV)]
        for name in self.convs:
            self.add_module(name, msra(nn.Conv2d(channels, width, 3, 1, 1)))
            channels = width
        self.deconv = msra(nn.ConvTranspose2d(channels, width, 2, 2))
        self.predictor = normal(nn.Conv2d(width, num_classes, 1), 0.001)

    def forward(self, regions: Tensor) -> Tensor:
        """(R, channels, S, S) to mask logits (R, num_classes, 2S, 2S)."""
        for name in self.convs:
            regions = F.relu_(self.get_submodule(name)(regions))
        logits: Tensor = self.predictor(F.relu_(self.deconv(regions)))
        return logits


class StandardROIHeads(nn.Module):
    """What ``MODEL.ROI_HEADS``, ``ROI_BOX_HEAD`` and ``ROI_MASK_HEAD`` describe."""

    def __init__(
        self, cfg: CfgNode, out_channels: dict[str, int], out_strides: dict[str, int]
    ) -> None:
        super().__init__()
        node = cfg.MODEL.ROI_HEADS
        self.in_features = list(node.IN_FEATURES)
        strides = [out_strides[name] for name in self.in_features]
        channels = out_channels[self.in_features[0]]
        self.box_pooler = _build_pooler(cfg.MODEL.ROI_BOX_HEAD, strides)
        self.mask_pooler = _build_pooler(cfg.MODEL.ROI_MASK_HEAD, strides)
        self.box_head = _build_box_head(cfg, channels)
        self.box_predictor = FastRCNNOutputLayers(self.box_head.out_channels, node.NUM_CLASSES)
        self.class_agnostic = bool(cfg.MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK)
        mask_classes = 1 if self.class_agnostic else node.NUM_CLASSES
        self.mask_head = _build_mask_head(cfg, channels, mask_classes)
        self.weights = tuple(cfg.MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS)
        self.score_thresh = node.SCORE_THRESH_TEST
        self.nms_thresh = node.NMS_THRESH_TEST
        self.topk = cfg.TEST.DETECTIONS_PER_IMAGE  # negative: all
        self.num_classes = node.NUM_CLASSES
        self.sampler = BoxSampler(node, allow_low_quality=False)
        self.append_truth = bool(node.PROPOSAL_APPEND_GT)
        self.beta = cfg.MODEL.ROI_BOX_HEAD.SMOOTH_L1_BETA
        self.box_loss_weight = cfg.MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_WEIGHT

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_sizes: list[tuple[int, int]],
    ) -> list[Detections]:
        """Detections of every image, from its proposals (R, 4)."""
        levels = [features[name] for name in self.in_features]
        logits, deltas = self.box_predictor(self.box_head(self.box_pooler(levels, proposals)))
        counts = [len(boxes) for boxes in proposals]
        scores = torch.split(F.softmax(logits, dim=-1), counts)
        boxes = torch.split(box_ops.decode(deltas, torch.cat(proposals), self.weights), counts)
        found = [
            self._select(box, score, size)
            for box, score, size in zip(boxes, scores, image_sizes, strict=True)
        ]
        masks = self._masks(levels, [one[0] for one in found], [one[2] for one in found])
        return [Detections(*one, mask) for one, mask in zip(found, masks, strict=True)]

    def losses(
        self, features: dict[str, Tensor], proposals: list[Tensor], targets: list[Target]
    ) -> dict[str, Tensor]:
        """``loss_cls``, ``loss_box_reg`` and ``loss_mask`` of every image's proposals (R, 4)."""
        levels = [features[name] for name in self.in_features]
        regions = [self._draw(*pair) for pair in zip(proposals, targets, strict=True)]
        return {
            **self._box_losses(levels, regions),
            "loss_mask": self._mask_loss(levels, regions),
        }

    def _draw(self, boxes: Tensor, target: Target) -> Regions:
        if self.append_truth:
            boxes = torch.cat([boxes, target.boxes])
        drawn = self.sampler(boxes, target)
        return Regions(boxes[drawn.positive], boxes[drawn.negative], drawn.annotation, target)

    def _box_losses(self, levels: list[Tensor], regions: list[Regions]) -> dict[str, Tensor]:
        boxes = [torch.cat([one.positive, one.negative]) for one in regions]
        logits, deltas = self.box_predictor(self.box_head(self.box_pooler(levels, boxes)))
        found = [one.target.classes[one.annotation] for one in regions]
        classes = torch.cat(
            [
                F.pad(own, (0, len(one.negative)), value=self.num_classes)
                for own, one in zip(found, regions, strict=True)
            ]
        )
        row = (classes < self.num_classes).nonzero()[:, 0]
        regression = box_loss(
            deltas.unflatten(1, (-1, 4))[row, classes[row]],
            torch.cat([one.positive for one in regions]),
            torch.cat([one.target.boxes[one.annotation] for one in regions]),
            self.weights,
            self.beta,
        )
        # Both by the number of boxes drawn, so that every positive one counts alike.
        count = max(len(classes), 1)
        return {
            "loss_cls": F.cross_entropy(logits.float(), classes, reduction="sum") / count,
            "loss_box_reg": regression / count * self.box_loss_weight,
        }

    def _mask_loss(self, levels: list[Tensor], regions: list[Regions]) -> Tensor:
        logits = self.mask_head(self.mask_pooler(levels, [one.positive for one in regions]))
        classes = torch.cat([one.target.classes[one.annotation] for one in regions])
        truth = [
            mask_targets(one.target.masks, one.annotation, one.positive, logits.shape[-1])
            for one in regions
        ]
        return mask_loss(self._own(logits, classes), torch.cat(truth))

    def _own(self, logits: Tensor, classes: Tensor) -> Tensor:
        """Of the mask logits (R, K, M, M) those (R, M, M) of each region's class (R,)."""
        channel = torch.zeros_like(classes) if self.class_agnostic else classes
        return logits[torch.arange(len(logits), device=logits.device), channel]

    def _select(
        self, boxes: Tensor, scores: Tensor, image_size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes over the score threshold, thinned by NMS within their class."""
        finite = torch.isfinite(boxes).all(dim=1) & torch.isfinite(scores).all(dim=1)
        boxes, scores = boxes[finite], scores[finite, :-1]
        boxes = box_ops.clip(boxes.reshape(*scores.shape, 4), image_size)
        row, column = (scores > self.score_thresh).nonzero(as_tuple=True)
        boxes, scores = boxes[row, column], scores[row, column]
        keep = batched_nms(boxes, scores, column, self.nms_thresh)
        if self.topk >= 0:
            keep = keep[: self.topk]
        return boxes[keep], scores[keep], column[keep]

    def _masks(
        self, levels: list[Tensor], boxes: list[Tensor], classes: list[Tensor]
    ) -> tuple[Tensor, ...]:
        """Probabilities (N, M, M) of each detection's own class."""
        logits = self.mask_head(self.mask_pooler(levels, boxes))
        own = self._own(logits, torch.cat(classes))
        return torch.split(own.sigmoid(), [len(box) for box in boxes])


def _build_pooler(node: CfgNode, strides: list[int]) -> ROIPooler:
    return ROIPooler(node.POOLER_RESOLUTION, strides, node.POOLER_SAMPLING_RATIO, node.POOLER_TYPE)


def _build_box_head(cfg: CfgNode, channels: int) -> FastRCNNConvFCHead | FBNetBoxHead:
    if cfg.MODEL.ROI_BOX_HEAD.NAME == "FBNetV2RoIBoxHead":
        return FBNetBoxHead(channels)
    return FastRCNNConvFCHead(cfg, channels)


def _build_mask_head(
    cfg: CfgNode, channels: int, num_classes: int
) -> MaskRCNNConvUpsampleHead | FBNetMaskHead:
    if cfg.MODEL.ROI_MASK_HEAD.NAME == "FBNetV2RoIMaskHead":
        return FBNetMaskHead(channels, num_classes)
    return MaskRCNNConvUpsampleHead(cfg, channels, num_classes)
