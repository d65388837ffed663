"""Which values of Detectron2's keys are valid for inference, in any engine.

Detectron2 takes any number and fails late, or finds nothing. What a training needs besides is in
``training_support``, what the torchvision engine cannot do in ``support``.
"""

from __future__ import annotations

import math
from typing import Any

from fvcore.common.config import CfgNode

from vx_detectron.config.defaults import flatten
from vx_detectron.config.limits import Limit, above, at_least, check_limits, each, one_of, within
from vx_detectron.errors import ConfigError


def _keys(prefix: str, names: str, limit: Limit) -> dict[str, Limit]:
    return {f"{prefix}.{name}": limit for name in names.split()}


def _zero_or(limit: Limit, meaning: str) -> Limit:
    fits, wanted = limit
    return lambda value: value == 0 or fits(value), f"{wanted}, or 0 {meaning}"


_ONE = at_least(1)
_NUMBER: Limit = (lambda value: type(value) in (int, float) and math.isfinite(value), "a number")
_SHARE = within(0, 1)

_LIMITS: dict[str, Limit] = {
    # Detectron2 divides by it; 0 would make every pixel infinite.
    "MODEL.PIXEL_STD": each(above(0)),
    "MODEL.PIXEL_MEAN": each(_NUMBER),
    "MODEL.BACKBONE.FREEZE_AT": at_least(0),
    "MODEL.ANCHOR_GENERATOR.SIZES": each(each(above(0))),
    "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS": each(each(above(0))),
    "MODEL.ANCHOR_GENERATOR.OFFSET": (lambda value: 0 <= value < 1, "0 or more, and below 1"),
    "MODEL.PROPOSAL_GENERATOR.MIN_SIZE": at_least(0),
    **_keys("MODEL.RESNETS", "NUM_GROUPS WIDTH_PER_GROUP RES2_OUT_CHANNELS STEM_OUT_CHANNELS "
            "RES5_DILATION", _ONE),
    "MODEL.FPN.OUT_CHANNELS": _ONE,
    **_keys("MODEL.RPN", "PRE_NMS_TOPK_TRAIN PRE_NMS_TOPK_TEST POST_NMS_TOPK_TRAIN "
            "POST_NMS_TOPK_TEST BATCH_SIZE_PER_IMAGE", _ONE),
    **_keys("MODEL.RPN", "NMS_THRESH POSITIVE_FRACTION", _SHARE),
    "MODEL.RPN.BBOX_REG_WEIGHTS": each(above(0), 4),
    **_keys("MODEL.RPN", "SMOOTH_L1_BETA LOSS_WEIGHT BBOX_REG_LOSS_WEIGHT", at_least(0)),
    **_keys("MODEL.ROI_HEADS", "NUM_CLASSES BATCH_SIZE_PER_IMAGE", _ONE),
    **_keys("MODEL.ROI_HEADS", "SCORE_THRESH_TEST NMS_THRESH_TEST POSITIVE_FRACTION", _SHARE),
    **_keys("MODEL.ROI_BOX_HEAD", "FC_DIM CONV_DIM POOLER_RESOLUTION", _ONE),
    **_keys("MODEL.ROI_BOX_HEAD", "NUM_FC NUM_CONV POOLER_SAMPLING_RATIO", at_least(0)),
    **_keys("MODEL.ROI_BOX_HEAD", "SMOOTH_L1_BETA BBOX_REG_LOSS_WEIGHT", at_least(0)),
    "MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS": each(above(0), 4),
    **_keys("MODEL.ROI_MASK_HEAD", "CONV_DIM POOLER_RESOLUTION", _ONE),
    **_keys("MODEL.ROI_MASK_HEAD", "NUM_CONV POOLER_SAMPLING_RATIO", at_least(0)),
    **_keys("MODEL.SEM_SEG_HEAD", "NUM_CLASSES CONVS_DIM COMMON_STRIDE", _ONE),
    "MODEL.SEM_SEG_HEAD.LOSS_WEIGHT": at_least(0),
    **_keys("MODEL.RETINANET", "SCORE_THRESH_TEST NMS_THRESH_TEST", _SHARE),
    **_keys("MODEL.RETINANET", "NUM_CLASSES TOPK_CANDIDATES_TEST", _ONE),
    **_keys("MODEL.PANOPTIC_FPN.COMBINE", "OVERLAP_THRESH INSTANCES_CONFIDENCE_THRESH", _SHARE),
    "INPUT.FORMAT": one_of("BGR", "RGB", "L", "YUV-BT.601"),  # "L" and so on: Detectron2's only
    "INPUT.MIN_SIZE_TEST": _zero_or(_ONE, "to keep the photo's size"),
    "INPUT.MAX_SIZE_TEST": _ONE,
    "INPUT.MIN_SIZE_TRAIN": each(_zero_or(_ONE, "to keep the photo's size")),
    "INPUT.MAX_SIZE_TRAIN": _ONE,
    "INPUT.CROP.SIZE": each(above(0), 2),
    "TEST.DETECTIONS_PER_IMAGE": (
        lambda value: value == -1 or value >= 1, "at least 1, or -1 for all"
    ),
    "TEST.AUG.MIN_SIZES": each(_ONE),
    "TEST.AUG.MAX_SIZE": _ONE,
}  # fmt: skip


def check_detectron2_values(cfg: CfgNode) -> None:
    """Raise ConfigError for the first of Detectron2's keys with an invalid value."""
    values = flatten(cfg)
    for key, value in values.items():
        if not _is_finite(value):
            raise ConfigError(f"{key} must be finite, got {value!r}")
    check_limits(values, _LIMITS)


def _is_finite(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_finite(one) for one in value)
    return not isinstance(value, float) or math.isfinite(value)
