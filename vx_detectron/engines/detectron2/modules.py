"""The bundled model's parts, registered with Detectron2 under the names that its yaml uses.

Importing this file registers them. Where D2Go has registered a name, its part is kept.
"""

from __future__ import annotations

from typing import Any

from detectron2.config import configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import (
    BACKBONE_REGISTRY,
    ROI_BOX_HEAD_REGISTRY,
    ROI_MASK_HEAD_REGISTRY,
    RPN_HEAD_REGISTRY,
    Backbone,
    build_anchor_generator,
)
from detectron2.modeling.backbone.fpn import FPN, LastLevelMaxPool
from detectron2.modeling.roi_heads.mask_head import BaseMaskRCNNHead
from fvcore.common.config import CfgNode
from torch import Tensor

from vx_detectron.modeling.fbnet import (
    FPN_TRUNK,
    FBNetBackbone,
    FBNetBoxHead,
    FBNetMaskHead,
    FBNetRPNHead,
    FBNetTrunk,
)


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


for _registry, _part in (
    (BACKBONE_REGISTRY, FBNetV2C4Backbone),
    (BACKBONE_REGISTRY, FBNetV2FpnBackbone),
    (RPN_HEAD_REGISTRY, FBNetV2RpnHead),
    (ROI_BOX_HEAD_REGISTRY, FBNetV2RoIBoxHead),
    (ROI_MASK_HEAD_REGISTRY, FBNetV2RoIMaskHead),
):
    if _part.__name__ not in _registry:
        _registry.register(_part)
