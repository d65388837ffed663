"""Detectron2's RPN and ROI heads for photos in which not everything is annotated.

There, an anchor or a proposal that matches no annotation may show a thing that nobody annotated:
it is not an example of background. ``PartialInstances`` marks such photos.
"""

from __future__ import annotations

from detectron2.modeling import PROPOSAL_GENERATOR_REGISTRY, ROI_HEADS_REGISTRY
from detectron2.modeling.proposal_generator import RPN
from detectron2.modeling.roi_heads import StandardROIHeads
from detectron2.structures import Boxes, Instances
from fvcore.common.config import CfgNode
from torch import Tensor

from vx_detectron.engines.detectron2.inputs import PartialInstances
from vx_detectron.errors import ConfigError


@PROPOSAL_GENERATOR_REGISTRY.register()
class PartialRPN(RPN):  # type: ignore[misc]
    """``RPN``, but unmatched anchors of a ``PartialInstances`` photo are ignored."""

    def label_and_sample_anchors(
        self, anchors: list[Boxes], gt_instances: list[Instances]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """As Detectron2 draws them, without the negative ones of such a photo."""
        labels, boxes = super().label_and_sample_anchors(anchors, gt_instances)
        for label, instances in zip(labels, gt_instances, strict=True):
            if isinstance(instances, PartialInstances):
                label[label == 0] = -1
        return labels, boxes


@ROI_HEADS_REGISTRY.register()
class PartialROIHeads(StandardROIHeads):  # type: ignore[misc]
    """``StandardROIHeads``, but unmatched proposals of a ``PartialInstances`` photo are ignored."""

    def label_and_sample_proposals(
        self, proposals: list[Instances], targets: list[Instances]
    ) -> list[Instances]:
        """As Detectron2 draws them, without the negative ones of such a photo."""
        drawn = super().label_and_sample_proposals(proposals, targets)
        return [
            one[one.gt_classes < self.num_classes] if isinstance(target, PartialInstances) else one
            for one, target in zip(drawn, targets, strict=True)
        ]


def with_partial_heads(cfg: CfgNode) -> CfgNode:
    """The same configuration with these parts in place of Detectron2's; the weights stay the same.

    Raises:
        ConfigError: it has an RPN or ROI heads of another kind, which take what is not annotated
            for background.
    """
    cfg = cfg.clone()
    cfg.defrost()
    for key, node, usual, partial in (
        ("PROPOSAL_GENERATOR", cfg.MODEL.PROPOSAL_GENERATOR, "RPN", PartialRPN),
        ("ROI_HEADS", cfg.MODEL.ROI_HEADS, "StandardROIHeads", PartialROIHeads),
    ):
        if usual != node.NAME:
            raise ConfigError(
                f"MODEL.{key}.NAME must be {usual!r} to train on photos in which not everything "
                f"is annotated, got {node.NAME!r}; take it, or only photos annotated in full"
            )
        node.NAME = partial.__name__
    cfg.freeze()
    return cfg
