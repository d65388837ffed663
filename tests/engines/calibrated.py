"""Random weights for a full-size network that behaves like a trained one on photos.

Where every layer has its scale and every class its share of the scores, a photo has a few dozen
detections that stand apart. With plain random weights there are hundreds, nearly tied, and a
rounding error decides between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from fvcore.common.config import CfgNode
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from vx_detectron.engines.preprocess import network_input
from vx_detectron.modeling.mask_rcnn import MaskRCNN, build_model


@torch.inference_mode()
def calibrated(cfg: CfgNode, photos: Sequence[NDArray[np.uint8]], seed: int = 0) -> MaskRCNN:
    """The network of a ResNet-FPN configuration, its scales measured on a few photos."""
    model = build_model(cfg)
    generator = torch.Generator().manual_seed(seed)
    for value in model.parameters():
        if value.ndim > 1:
            nn.init.kaiming_normal_(value, generator=generator)
        else:
            value.zero_()
    images = [torch.from_numpy(network_input(cfg, photo)) for photo in photos]
    features = _calibrate_backbone(model, images)
    rpn, heads = model.proposal_generator, model.roi_heads
    logits, deltas = rpn.rpn_head([features[name] for name in rpn.in_features])
    _scale(rpn.rpn_head.objectness_logits, torch.cat([one.flatten() for one in logits]), 3.0)
    _scale(rpn.rpn_head.anchor_deltas, torch.cat([one.flatten() for one in deltas]), 0.2)
    proposals = rpn(features, [(image.shape[1], image.shape[2]) for image in images])
    levels = [features[name] for name in heads.in_features]
    hidden = heads.box_head(heads.box_pooler(levels, proposals))
    logits, deltas = heads.box_predictor(hidden)
    _scale(heads.box_predictor.cls_score, logits, 2.5)
    _scale(heads.box_predictor.bbox_pred, deltas, 0.5)
    masks = heads.mask_head(heads.mask_pooler(levels, [one[:20] for one in proposals]))
    _scale(heads.mask_head.predictor, masks.transpose(1, 3).flatten(0, 2), 3.0)
    return model


def _calibrate_backbone(model: MaskRCNN, images: list[Tensor]) -> dict[str, Tensor]:
    """Give every frozen norm the statistics of what it sees; returns the features."""

    def measure(norm: FrozenBatchNorm2d, inputs: tuple[Tensor]) -> None:
        norm.running_mean.copy_(inputs[0].mean((0, 2, 3)))
        norm.running_var.copy_(inputs[0].var((0, 2, 3)) + 1e-3)

    norms = [part for part in model.modules() if isinstance(part, FrozenBatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    features: dict[str, Tensor] = model.backbone(model.normalise(images))
    for hook in hooks:
        hook.remove()
    return features


def _scale(layer: nn.Linear | nn.Conv2d, output: Tensor, spread: float) -> None:
    """Scale the last layer so that its output has this standard deviation.

    A table of outputs (rows, channels) is centred too, channel by channel.
    """
    if output.ndim == 1:
        layer.weight.mul_(spread / output.std())
        return
    factor = spread / output.std(dim=0)
    layer.weight.mul_(factor.reshape(-1, *[1] * (layer.weight.ndim - 1)))
    layer.bias.copy_(-factor * output.mean(dim=0))
