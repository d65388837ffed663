"""Region proposals (Ren et al., Faster R-CNN, 2015), selected as Detectron2 selects them."""

from __future__ import annotations

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import batched_nms

from vx_detectron.modeling import boxes as box_ops
from vx_detectron.modeling.fbnet import FBNetRPNHead
from vx_detectron.modeling.initial import normal
from vx_detectron.modeling.losses import box_loss, objectness_loss
from vx_detectron.modeling.matching import BoxSampler
from vx_detectron.modeling.samples import Target


class StandardRPNHead(nn.Module):
    """A 3x3 convolution, then objectness and box deltas, shared by all levels."""

    def __init__(self, channels: int, num_anchors: int) -> None:
        super().__init__()
        self.conv = normal(nn.Conv2d(channels, channels, 3, 1, 1), 0.01)
        self.objectness_logits = normal(nn.Conv2d(channels, num_anchors, 1), 0.01)
        self.anchor_deltas = normal(nn.Conv2d(channels, num_anchors * 4, 1), 0.01)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level: logits (N, A, H, W) and deltas (N, 4A, H, W)."""
        hidden = [F.relu_(self.conv(level)) for level in features]
        logits = [self.objectness_logits(level) for level in hidden]
        return logits, [self.anchor_deltas(level) for level in hidden]


class AnchorGenerator(nn.Module):
    """Anchors of every size and aspect ratio (height / width), not rounded."""

    def __init__(
        self, sizes: list[list[float]], ratios: list[list[float]], strides: list[int], offset: float
    ) -> None:
        super().__init__()
        self.strides, self.offset = strides, offset
        sizes = sizes * len(strides) if len(sizes) == 1 else sizes
        ratios = ratios * len(strides) if len(ratios) == 1 else ratios
        self.cells = [_cell_anchors(s, r) for s, r in zip(sizes, ratios, strict=True)]
        self.num_anchors = len(self.cells[0])

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Per level: anchors float (H * W * A, 4) in pixels of the network's input."""
        anchors = []
        for level, stride, cell in zip(features, self.strides, self.cells, strict=True):
            height, width = level.shape[-2:]
            start = self.offset * stride
            x = torch.arange(width, dtype=torch.float32, device=level.device) * stride + start
            y = torch.arange(height, dtype=torch.float32, device=level.device) * stride + start
            y, x = torch.meshgrid(y, x, indexing="ij")
            shifts = torch.stack([x, y, x, y], dim=-1).view(-1, 1, 4)
            anchors.append((shifts + cell.to(level.device)).reshape(-1, 4))
        return anchors


def _cell_anchors(sizes: list[float], ratios: list[float]) -> Tensor:
    """Anchors (A, 4) around the origin, sizes in the outer loop."""
    anchors = []
    for size in sizes:
        for ratio in ratios:
            width = (size**2 / ratio) ** 0.5
            height = ratio * width
            anchors.append([-width / 2, -height / 2, width / 2, height / 2])
    return torch.tensor(anchors)


class RPN(nn.Module):
    """Head, anchors and selection: what ``MODEL.RPN`` describes."""

    def __init__(
        self, cfg: CfgNode, out_channels: dict[str, int], out_strides: dict[str, int]
    ) -> None:
        super().__init__()
        self.in_features = list(cfg.MODEL.RPN.IN_FEATURES)
        node = cfg.MODEL.ANCHOR_GENERATOR
        self.anchor_generator = AnchorGenerator(
            node.SIZES,
            node.ASPECT_RATIOS,
            [out_strides[name] for name in self.in_features],
            node.OFFSET,
        )
        heads = {"StandardRPNHead": StandardRPNHead, "FBNetV2RpnHead": FBNetRPNHead}
        self.rpn_head = heads[cfg.MODEL.RPN.HEAD_NAME](
            out_channels[self.in_features[0]], self.anchor_generator.num_anchors
        )
        node = cfg.MODEL.RPN
        self.weights = tuple(node.BBOX_REG_WEIGHTS)
        self.nms_thresh = node.NMS_THRESH
        # Before and after NMS.
        self.topk_train = node.PRE_NMS_TOPK_TRAIN, node.POST_NMS_TOPK_TRAIN
        self.topk_test = node.PRE_NMS_TOPK_TEST, node.POST_NMS_TOPK_TEST
        self.smallest_box = float(cfg.MODEL.PROPOSAL_GENERATOR.MIN_SIZE)
        self.sampler = BoxSampler(node, allow_low_quality=True)
        self.beta = node.SMOOTH_L1_BETA
        self.loss_weight = node.LOSS_WEIGHT
        self.box_loss_weight = node.LOSS_WEIGHT * node.BBOX_REG_LOSS_WEIGHT

    def forward(
        self, features: dict[str, Tensor], image_sizes: list[tuple[int, int]]
    ) -> list[Tensor]:
        """Proposals of each image: float (R, 4), best first, in pixels of the network's input."""
        return self._proposals(*self._predict(features), image_sizes, self.topk_test)

    def losses(
        self,
        features: dict[str, Tensor],
        image_sizes: list[tuple[int, int]],
        targets: list[Target],
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Proposals for the heads to learn from, and ``loss_rpn_cls`` and ``loss_rpn_loc``."""
        anchors, logits, deltas = self._predict(features)
        with torch.no_grad():
            proposals = self._proposals(anchors, logits, deltas, image_sizes, self.topk_train)
        all_anchors = torch.cat(anchors)
        objectness, regression = [], []
        for logit, delta, target in zip(
            torch.cat(logits, dim=1), torch.cat(deltas, dim=1), targets, strict=True
        ):
            drawn = self.sampler(all_anchors, target)
            objectness.append(objectness_loss(logit[drawn.positive], logit[drawn.negative]))
            source, truth = all_anchors[drawn.positive], target.boxes[drawn.annotation]
            moved = delta[drawn.positive]
            regression.append(box_loss(moved, source, truth, self.weights, self.beta))
        # Both by the number of anchors asked for, as in Detectron2, however many were drawn.
        count = self.sampler.count * len(targets)
        return proposals, {
            "loss_rpn_cls": torch.stack(objectness).sum() / count * self.loss_weight,
            "loss_rpn_loc": torch.stack(regression).sum() / count * self.box_loss_weight,
        }

    def _predict(
        self, features: dict[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Per level: anchors (R, 4), logits (N, R) and deltas (N, R, 4)."""
        levels = [features[name] for name in self.in_features]
        logits, deltas = self.rpn_head(levels)
        return (
            self.anchor_generator(levels),
            [level.permute(0, 2, 3, 1).flatten(1) for level in logits],
            [level.unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2).flatten(1, 3) for level in deltas],
        )

    def _proposals(
        self,
        anchors: list[Tensor],
        logits: list[Tensor],
        deltas: list[Tensor],
        image_sizes: list[tuple[int, int]],
        topk: tuple[int, int],
    ) -> list[Tensor]:
        return [
            self._select(
                [one[i] for one in logits], [one[i] for one in deltas], anchors, size, topk
            )
            for i, size in enumerate(image_sizes)
        ]

    def _select(
        self,
        logits: list[Tensor],
        deltas: list[Tensor],
        anchors: list[Tensor],
        image_size: tuple[int, int],
        topk: tuple[int, int],
    ) -> Tensor:
        """The best anchors of each level, decoded, clipped and thinned by NMS within levels."""
        boxes, scores, levels = [], [], []
        for level, (logit, delta, anchor) in enumerate(zip(logits, deltas, anchors, strict=True)):
            best, index = logit.topk(min(len(logit), topk[0]))
            boxes.append(box_ops.decode(delta[index], anchor[index], self.weights))
            scores.append(best)
            levels.append(torch.full_like(index, level))
        all_boxes, all_scores, all_levels = torch.cat(boxes), torch.cat(scores), torch.cat(levels)
        keep = torch.isfinite(all_boxes).all(dim=1) & torch.isfinite(all_scores)
        all_boxes = box_ops.clip(all_boxes, image_size)
        keep &= box_ops.nonempty(all_boxes, self.smallest_box)
        all_boxes, all_scores, all_levels = all_boxes[keep], all_scores[keep], all_levels[keep]
        kept = batched_nms(all_boxes, all_scores, all_levels, self.nms_thresh)
        return all_boxes[kept[: topk[1]]]
