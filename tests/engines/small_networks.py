"""Small networks whose weights follow from their names, so that no weights need be stored.

The numbers come from PCG64's raw bits, which NumPy keeps the same from version to version.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn

from vx_detectron.config import load_cfg

R18 = "COCO-InstanceSegmentation/mask_rcnn_R_18_FPN"
R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x"
FBNET_FPN = "experiments/mask_rcnn_fbnetv3a_FPN"

# What the small ones have in common: few channels, few classes, and few detections.
_SMALL = {
    "MODEL.DEVICE": "cpu",
    "MODEL.PIXEL_STD": [57.375, 57.12, 58.395],
    "MODEL.FPN.OUT_CHANNELS": 32,
    "MODEL.RPN.PRE_NMS_TOPK_TEST": 200,
    "MODEL.RPN.POST_NMS_TOPK_TEST": 60,
    "MODEL.ROI_HEADS.NUM_CLASSES": 4,
    "MODEL.ROI_HEADS.SCORE_THRESH_TEST": 0.5,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 64,
    "MODEL.ROI_MASK_HEAD.CONV_DIM": 32,
    "VX.CLASS_NAMES": ["ant", "bee", "cat", "dog"],
    "INPUT.MIN_SIZE_TEST": 160,
    "INPUT.MAX_SIZE_TEST": 220,
}
_THIN = {
    "MODEL.RESNETS.STEM_OUT_CHANNELS": 16,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 32,
    "MODEL.RESNETS.WIDTH_PER_GROUP": 8,
}


class Network(NamedTuple):
    """A bundled configuration and what differs from it, and how its weights differ from noise.

    Factors by part of a weight's name, and biases of the last layers, were measured to give every
    class its share of the scores and masks of every size: where all scores are near 1, their order
    is a matter of rounding.
    """

    base: str | None
    keys: dict[str, object]
    gains: dict[str, float]
    class_biases: tuple[float, ...]
    mask_biases: tuple[float, ...]


_HEADS = {"anchor_deltas": 0.1, "cls_score": 2.0, "bbox_pred": 2.0, "mask_head.predictor": 8.0}
# Together they turn every key that changes what the network computes.
NETWORKS = {
    "r18": Network(R18, _SMALL, _HEADS, (0.2, 4.5, -2.9, 1.7, 3.6), (0.3, -2.5, 0.7, 5.1)),
    "r50": Network(
        R50,
        {**_SMALL, **_THIN, "MODEL.ANCHOR_GENERATOR.OFFSET": 0.5},
        _HEADS,
        (1.5, 5.2, -1.0, 6.4, 4.5),
        (0.0, -2.5, 0.3, 5.0),
    ),
    "x50": Network(
        R50,
        {
            **_SMALL,
            **_THIN,
            "INPUT.FORMAT": "RGB",
            "MODEL.RESNETS.NUM_GROUPS": 4,
            "MODEL.RESNETS.STRIDE_IN_1X1": False,
            "MODEL.FPN.IN_FEATURES": ["res3", "res4", "res5"],
            "MODEL.ANCHOR_GENERATOR.SIZES": [[64, 96]],
            "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS": [[0.5, 1.0]],
            "MODEL.PROPOSAL_GENERATOR.MIN_SIZE": 8,
            "MODEL.RPN.IN_FEATURES": ["p3", "p4", "p5", "p6"],
            "MODEL.RPN.BBOX_REG_WEIGHTS": (2.0, 2.0, 1.0, 1.0),
            "MODEL.ROI_HEADS.IN_FEATURES": ["p3", "p4", "p5"],
            "MODEL.ROI_BOX_HEAD.NUM_CONV": 1,
            "MODEL.ROI_BOX_HEAD.NUM_FC": 1,
            "MODEL.ROI_BOX_HEAD.CONV_DIM": 24,
            "MODEL.ROI_BOX_HEAD.POOLER_TYPE": "ROIAlign",
            "MODEL.ROI_MASK_HEAD.NUM_CONV": 1,
            "MODEL.ROI_MASK_HEAD.POOLER_SAMPLING_RATIO": 2,
            "MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK": True,
        },
        {**_HEADS, "cls_score": 1.2, "mask_head.predictor": 2.0},
        (2.7, 7.3, 5.6, -0.5, -2.9),
        (6.3,),
    ),
    "fbnet": Network(
        None,
        {
            "MODEL.DEVICE": "cpu",
            "MODEL.PIXEL_STD": _SMALL["MODEL.PIXEL_STD"],
            "MODEL.ROI_HEADS.NUM_CLASSES": 4,
            "MODEL.ROI_HEADS.SCORE_THRESH_TEST": 0.5,
            "VX.CLASS_NAMES": _SMALL["VX.CLASS_NAMES"],
            "INPUT.MIN_SIZE_TEST": 160,
        },
        {"rpn_regressor.bbox_pred": 0.1, "cls_score": 12.0, "mask_fcn_logits": 6.0},
        (-0.3, -2.5, -8.4, -10.4, -12.2),
        (2.8, -1.3, -1.6, -2.5),
    ),
    "fbnet_fpn": Network(
        FBNET_FPN,
        {
            **_SMALL,
            "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION": 28,
        },
        {**_HEADS, "cls_score": 8.0, "bbox_pred": 1.0},
        (1.6, 2.4, 0.8, 3.3, 2.0),
        (0.1, 0.1, 0.5, 1.2),
    ),
}


def small_cfg(name: str, **overrides: object) -> CfgNode:
    """The configuration of one of NETWORKS; ``MODEL__WEIGHTS="x"`` overrides MODEL.WEIGHTS."""
    network = NETWORKS[name]
    keys = {**network.keys, **{key.replace("__", "."): value for key, value in overrides.items()}}
    return load_cfg(network.base, [str(part) for pair in keys.items() for part in pair])


def uniform(seed: str, shape: tuple[int, ...]) -> Tensor:
    """Float32 numbers of mean 0 and variance 1 that follow from the seed."""
    bits = np.random.PCG64(zlib.crc32(seed.encode())).random_raw(math.prod(shape))
    unit = (bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0  # 24 bits, -1 .. 1
    return torch.from_numpy((unit * math.sqrt(3.0)).astype(np.float32).reshape(shape))


def fill(model: nn.Module, network: Network | None = None) -> nn.Module:
    """Give every weight and statistic of the model its number; returns it, in evaluation mode."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.copy_(_number(name, uniform(name, tuple(value.shape))))
            if network is None:
                continue
            value.mul_(math.prod(gain for part, gain in network.gains.items() if part in name))
            if name.endswith("cls_score.bias"):
                value.copy_(torch.tensor(network.class_biases))
            elif name.endswith(("mask_head.predictor.bias", "mask_fcn_logits.bias")):
                value.copy_(torch.tensor(network.mask_biases))
    return model.eval()


def _number(name: str, noise: Tensor) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros(())
    if name.endswith("running_var"):
        return 1.0 + 0.3 * noise
    if name.endswith("norm.weight") or (name.endswith("weight") and noise.ndim == 1):
        return 1.0 + 0.2 * noise
    if noise.ndim < 2:
        return 0.1 * noise
    return noise / math.sqrt(math.prod(noise.shape[1:]))


def write_weights(model: nn.Module, path: Path) -> str:
    """Save what the model holds; returns the path as ``MODEL.WEIGHTS`` wants it."""
    torch.save({"model": model.state_dict()}, path)
    return str(path)
