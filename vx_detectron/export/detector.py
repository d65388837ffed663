"""A Mask R-CNN as one ONNX file: photo in, boxes, scores, classes and masks out."""

from __future__ import annotations

from typing import Any

import onnx
import onnx.compose
import onnx.inliner
import onnx.parser
from fvcore.common.config import CfgNode
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn
from torch.export import Dim

from vx_detectron.config import check_supported
from vx_detectron.config.exported import adjustable_inputs
from vx_detectron.export.glue import GLUE, Selection, model_text
from vx_detectron.export.metadata import detector_metadata, licence_of, stamp
from vx_detectron.export.parts import Input, export_part, splice
from vx_detectron.modeling.mask_rcnn import MaskRCNN, build_model
from vx_detectron.modeling.roi_heads import ROIPooler
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_strict

_PARTS = ("trunk/", "box_head/", "mask_head/")


class _Trunk(nn.Module):
    """Backbone and the head of the region proposals."""

    def __init__(self, model: MaskRCNN) -> None:
        super().__init__()
        self.backbone, self.rpn = model.backbone, model.proposal_generator
        self.names = model.roi_heads.in_features

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Features to pool from, then anchors, logits and deltas of every level."""
        features = self.backbone(batch)
        anchors, logits, deltas = self.rpn._predict(features)
        pooled = [features[name] for name in self.names]
        return (*pooled, *anchors, *(one[0] for one in logits), *(one[0] for one in deltas))


class _BoxHead(nn.Module):
    """Class logits and box deltas of pooled regions."""

    def __init__(self, model: MaskRCNN) -> None:
        super().__init__()
        self.head, self.predictor = model.roi_heads.box_head, model.roi_heads.box_predictor

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """(R, C, S, S) to (R, K + 1) and (R, 4K)."""
        found: tuple[Tensor, Tensor] = self.predictor(self.head(regions))
        return found


def export_detector(cfg: CfgNode, licence: str = "") -> ModelProto:
    """The detector of a configuration, with its weights, as ONNX in float32.

    Args:
        cfg: of a network that the torchvision engine can build; a checkpoint that was trained
            with Detectron2 is one of its own.
        licence: of the weights; by default what is known of bundled and zoo weights.

    Raises:
        ConfigError: a key that the torchvision engine does not support.
        CheckpointError: weights that are missing, unsafe or of another network.
    """
    check_supported(cfg)
    weights = cfg.MODEL.WEIGHTS
    path = catalog.resolve(weights)
    model = build_model(cfg)
    load_strict(model, read_checkpoint(path), weights)
    exported = build_detector(model, cfg)
    licence = licence or licence_of(weights)
    stamp(exported, **detector_metadata(cfg, path.name, catalog.sha256_of(path), licence))
    return exported


def build_detector(model: MaskRCNN, cfg: CfgNode) -> ModelProto:
    """The network as ONNX, float32, without metadata.

    Its input ``image`` is what ``engines.preprocess.network_input`` gives, of any size. The keys
    that select among the boxes are inputs with a default, so that they can be changed later.
    """
    about = _selection(model, cfg)
    whole = onnx.parser.parse_model(model_text(about))
    step = about.divisor
    sides = {2: Dim("h") * step, 3: Dim("w") * step} if step > 1 else {2: Dim("h"), 3: Dim("w")}
    side = 32 * 5
    splice(whole, "trunk", export_part(_Trunk(model), Input((1, 3, side, side + 64), sides)))
    channels = model.backbone.out_channels[model.roi_heads.in_features[0]]
    for name, part, pooler in (
        ("box_head", _BoxHead(model), model.roi_heads.box_pooler),
        ("mask_head", model.roi_heads.mask_head, model.roi_heads.mask_pooler),
    ):
        shape = (3, channels, pooler.resolution, pooler.resolution)
        splice(whole, name, export_part(part, Input(shape, {0: Dim("regions")})))
    for name, value in _constants(model, cfg).items():
        whole.graph.initializer.append(numpy_helper.from_array(value, name))
    flat: ModelProto = onnx.inliner.inline_local_functions(whole)
    del flat.opset_import[:]
    flat.opset_import.extend(one for one in whole.opset_import if one.domain == "")
    for number, node in enumerate(flat.graph.node):
        if not node.name.startswith(_PARTS):
            node.name = f"{GLUE}{number}_{node.op_type}"
    onnx.checker.check_model(flat, full_check=True)
    return flat


def _selection(model: MaskRCNN, cfg: CfgNode) -> Selection:
    heads, rpn = model.roi_heads, model.proposal_generator
    strides = [model.backbone.out_strides[name] for name in heads.in_features]
    return Selection(
        levels=len(rpn.in_features),
        features=len(strides),
        strides=strides,
        rpn_weights=rpn.weights,
        box_weights=heads.weights,
        smallest=rpn.smallest_box,
        divisor=model.size_divisibility,
        box_pooler=_pooler(heads.box_pooler),
        mask_pooler=_pooler(heads.mask_pooler),
        class_agnostic=heads.class_agnostic,
    )


def _pooler(pooler: ROIPooler) -> str:
    mode = "half_pixel" if pooler.aligned else "output_half_pixel"
    side = pooler.resolution
    return (
        f'coordinate_transformation_mode = "{mode}", mode = "avg", '
        f"sampling_ratio = {pooler.ratio}, output_height = {side}, output_width = {side}"
    )


def _constants(model: MaskRCNN, cfg: CfgNode) -> dict[str, NDArray[Any]]:
    """Values by name; those of the adjustable inputs are their defaults."""
    normal = {"pixel_mean": model.pixel_mean.numpy(), "pixel_std": model.pixel_std.numpy()}
    return normal | adjustable_inputs(cfg)
