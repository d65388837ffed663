"""The bundled model's parts, registered with Detectron2 under the names that its yaml uses.

Importing this file registers them. Where D2Go has registered a name, its part is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectron2.config import configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import (
    BACKBONE_REGISTRY,
    ROI_BOX_HEAD_REGISTRY,
    ROI_MASK_HEAD_REGISTRY,
    RPN_HEAD_REGISTRY,
    SEM_SEG_HEADS_REGISTRY,
    Backbone,
    build_anchor_generator,
)
from detectron2.modeling.backbone.fpn import FPN, LastLevelMaxPool
from detectron2.modeling.meta_arch.semantic_seg import SemSegFPNHead
from detectron2.modeling.roi_heads.mask_head import BaseMaskRCNNHead
from fvcore.common.config import CfgNode
from torch import Tensor
from torch.nn import functional as F

from vx_detectron.modeling.fbnet import (
    FPN_TRUNK,
    FBNetBackbone,
    FBNetBoxHead,
    FBNetMaskHead,
    FBNetRPNHead,
    FBNetTrunk,
)
from vx_detectron.modeling.initial import normal
from vx_detectron.modeling.saliency_fpn_head import PREDICTOR_STD
from vx_detectron.modeling.saliency_head import SaliencyHead, saliency_loss


class FBNetV2C4Backbone(Backbone):  # type: ignore[misc]
    """D2Go's backbone; see ``FBNetBackbone``."""

    def __init__(self, cfg: CfgNode, input_shape: ShapeSpec) -> None:
        super().__init__()
        trunk = FBNetBackbone()
        self.body = trunk.body
        self._out_features = list(trunk.out_channels)
        self._out_feature_channels = trunk.out_channels
        self._out_feature_strides = trunk.out_strides

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) to features by stage name."""
        return dict(self.body(x))


class _PyramidTrunk(FBNetTrunk, Backbone):  # type: ignore[misc]
    """The trunk below a feature pyramid."""

    def __init__(self) -> None:
        super().__init__(FPN_TRUNK)
        self._out_features = list(self.out_channels)
        self._out_feature_channels = self.out_channels
        self._out_feature_strides = self.out_strides


def FBNetV2FpnBackbone(cfg: CfgNode, input_shape: ShapeSpec) -> FPN:  # noqa: N802
    """D2Go's backbone with a feature pyramid."""
    node = cfg.MODEL.FPN
    return FPN(_PyramidTrunk(), node.IN_FEATURES, node.OUT_CHANNELS, node.NORM, LastLevelMaxPool())


class FBNetV2RpnHead(FBNetRPNHead):
    """D2Go's RPN head; see ``FBNetRPNHead``."""

    def __init__(self, cfg: CfgNode, input_shape: list[ShapeSpec]) -> None:
        anchors = build_anchor_generator(cfg, input_shape).num_cell_anchors[0]
        super().__init__(input_shape[0].channels, anchors)


class FBNetV2RoIBoxHead(FBNetBoxHead):
    """D2Go's box head; see ``FBNetBoxHead``."""

    def __init__(self, cfg: CfgNode, input_shape: ShapeSpec) -> None:
        super().__init__(input_shape.channels)

    @property
    def output_shape(self) -> ShapeSpec:
        """What Detectron2's box predictor requires."""
        return ShapeSpec(channels=self.out_channels)


class FBNetV2RoIMaskHead(BaseMaskRCNNHead):  # type: ignore[misc]
    """D2Go's mask head; see ``FBNetMaskHead``."""

    @configurable  # type: ignore[untyped-decorator]
    def __init__(self, channels: int, num_classes: int, **options: Any) -> None:
        super().__init__(**options)
        head = FBNetMaskHead(channels, num_classes)
        self.feature_extractor, self.predictor = head.feature_extractor, head.predictor

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        """Detectron2's way from the configuration to the arguments."""
        agnostic = cfg.MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK
        return {
            **super().from_config(cfg, input_shape),
            "channels": input_shape.channels,
            "num_classes": 1 if agnostic else cfg.MODEL.ROI_HEADS.NUM_CLASSES,
        }

    def layers(self, x: Tensor) -> Tensor:
        """(R, channels, 14, 14) to mask logits (R, num_classes, 28, 28)."""
        logits: Tensor = self.predictor["mask_fcn_logits"](self.feature_extractor(x))
        return logits


class VXSaliencyHead(SaliencyHead):
    """The saliency head as a semantic segmentation head of one class."""

    def __init__(self, cfg: CfgNode, input_shape: Mapping[str, ShapeSpec]) -> None:
        node = cfg.MODEL.SEM_SEG_HEAD
        super().__init__([input_shape[name].channels for name in node.IN_FEATURES], node.CONVS_DIM)
        self.in_features = list(node.IN_FEATURES)
        self.common_stride = node.COMMON_STRIDE
        self.ignore_value = node.IGNORE_VALUE
        self.loss_weight = node.LOSS_WEIGHT
        self.edge_weight = cfg.VX.SOLVER.EDGE_WEIGHT

    def levels(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """Logits at every level, finest first."""
        return super().forward([features[name] for name in self.in_features])

    def forward(  # type: ignore[override]
        self, features: Mapping[str, Tensor], targets: Tensor | None = None
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Logits (N, 1, H, W) in evaluation; the loss in training.

        ``targets`` is float (N, H, W): 0 background to 1 subject, IGNORE_VALUE where unknown.
        """
        levels = self.levels(features)
        if not self.training or targets is None:
            scale = float(self.common_stride)
            return F.interpolate(levels[0], scale_factor=scale, mode="bilinear"), {}
        target = targets.masked_fill(targets == self.ignore_value, -1.0)[:, None]
        loss = saliency_loss(levels, target, self.edge_weight)
        return None, {"loss_sem_seg": loss * self.loss_weight}


class VXSaliencyFPNHead(SemSegFPNHead):  # type: ignore[misc]
    """Detectron2's semantic segmentation head of one class, with the loss of a saliency map."""

    @configurable  # type: ignore[untyped-decorator]
    def __init__(self, edge_weight: float, **options: Any) -> None:
        super().__init__(**options)
        normal(self.predictor, PREDICTOR_STD)
        self.edge_weight = edge_weight

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: Mapping[str, ShapeSpec]) -> dict[str, Any]:
        """Detectron2's way from the configuration to the arguments."""
        options = super().from_config(cfg, input_shape)
        return {**options, "edge_weight": cfg.VX.SOLVER.EDGE_WEIGHT}

    def levels(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """Logits, as a list of one."""
        return [self.layers(features)]

    def losses(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """See ``VXSaliencyHead.forward``."""
        target = targets.masked_fill(targets == self.ignore_value, -1.0)[:, None]
        loss = saliency_loss([predictions], target, self.edge_weight)
        return {"loss_sem_seg": loss * self.loss_weight}


SALIENCY_HEADS = (VXSaliencyHead, VXSaliencyFPNHead)

for _registry, _part in (
    (BACKBONE_REGISTRY, FBNetV2C4Backbone),
    (BACKBONE_REGISTRY, FBNetV2FpnBackbone),
    (RPN_HEAD_REGISTRY, FBNetV2RpnHead),
    (ROI_BOX_HEAD_REGISTRY, FBNetV2RoIBoxHead),
    (ROI_MASK_HEAD_REGISTRY, FBNetV2RoIMaskHead),
    (SEM_SEG_HEADS_REGISTRY, VXSaliencyHead),
    (SEM_SEG_HEADS_REGISTRY, VXSaliencyFPNHead),
):
    if _part.__name__ not in _registry:
        _registry.register(_part)
