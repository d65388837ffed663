"""Which of Detectron2's keys the torchvision engine supports; the others are errors.

MODEL, INPUT and TEST are checked. A key that no part of the chosen network reads is accepted, as
in Detectron2: ``MODEL.RETINANET`` in a Mask R-CNN changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fvcore.common.config import CfgNode

from vx_detectron.config.defaults import DETECTRON2, FBNET_V2, POINT_REND, flatten
from vx_detectron.errors import ConfigError

Values = Mapping[str, Any]

RESNET_FPN, FBNET = "build_resnet_fpn_backbone", "FBNetV2C4Backbone"
FBNET_FPN = "FBNetV2FpnBackbone"
_STAGES = ["res2", "res3", "res4", "res5"]
# What a feature pyramid may be built on: stages of strides 4 to 32.
_PYRAMIDS = {RESNET_FPN: _STAGES, FBNET_FPN: ["trunk1", "trunk2", "trunk3", "trunk4"]}
_TRUNK_STRIDES = {"trunk0": 2, "trunk1": 4, "trunk2": 8, "trunk3": 16}
_POOLERS = ("ROIAlignV2", "ROIAlign")


def _keys(prefix: str, names: str) -> set[str]:
    return {f"{prefix}.{name}" for name in names.split()}


# Honoured whatever the value.
HONOURED: frozenset[str] = frozenset(
    _keys("MODEL", "DEVICE WEIGHTS PIXEL_MEAN PIXEL_STD")
    | _keys("MODEL.BACKBONE", "FREEZE_AT")
    | _keys("MODEL.RESNETS", "NUM_GROUPS WIDTH_PER_GROUP STRIDE_IN_1X1")
    | _keys("MODEL.RESNETS", "RES2_OUT_CHANNELS STEM_OUT_CHANNELS")
    | _keys("MODEL.FPN", "OUT_CHANNELS")
    | _keys("MODEL.ANCHOR_GENERATOR", "SIZES ASPECT_RATIOS OFFSET")
    | _keys("MODEL.PROPOSAL_GENERATOR", "MIN_SIZE")
    | _keys("MODEL.RPN", "IN_FEATURES IOU_THRESHOLDS IOU_LABELS BATCH_SIZE_PER_IMAGE")
    | _keys("MODEL.RPN", "POSITIVE_FRACTION BBOX_REG_LOSS_WEIGHT BBOX_REG_WEIGHTS")
    | _keys("MODEL.RPN", "SMOOTH_L1_BETA LOSS_WEIGHT NMS_THRESH")
    | _keys("MODEL.RPN", "PRE_NMS_TOPK_TRAIN PRE_NMS_TOPK_TEST")
    | _keys("MODEL.RPN", "POST_NMS_TOPK_TRAIN POST_NMS_TOPK_TEST")
    | _keys("MODEL.ROI_HEADS", "NUM_CLASSES IN_FEATURES SCORE_THRESH_TEST NMS_THRESH_TEST")
    | _keys("MODEL.ROI_HEADS", "BATCH_SIZE_PER_IMAGE POSITIVE_FRACTION PROPOSAL_APPEND_GT")
    | _keys("MODEL.ROI_HEADS", "IOU_THRESHOLDS IOU_LABELS")
    | _keys("MODEL.ROI_BOX_HEAD", "NUM_FC FC_DIM NUM_CONV CONV_DIM POOLER_RESOLUTION")
    | _keys("MODEL.ROI_BOX_HEAD", "POOLER_SAMPLING_RATIO BBOX_REG_WEIGHTS")
    | _keys("MODEL.ROI_BOX_HEAD", "BBOX_REG_LOSS_WEIGHT SMOOTH_L1_BETA")
    | _keys("MODEL.ROI_MASK_HEAD", "NUM_CONV CONV_DIM POOLER_RESOLUTION")
    | _keys("MODEL.ROI_MASK_HEAD", "POOLER_SAMPLING_RATIO CLS_AGNOSTIC_MASK")
    | _keys("INPUT", "MIN_SIZE_TEST MAX_SIZE_TEST MIN_SIZE_TRAIN MAX_SIZE_TRAIN")
    | _keys("INPUT.CROP", "ENABLED SIZE")
    | _keys("TEST", "DETECTIONS_PER_IMAGE EVAL_PERIOD EXPECTED_RESULTS")
)

# Honoured with these values only. Whatever is in neither table must keep its default.
CHOICES: dict[str, tuple[Any, ...]] = {
    "MODEL.META_ARCHITECTURE": ("GeneralizedRCNN",),
    "MODEL.MASK_ON": (True,),
    "MODEL.BACKBONE.NAME": (RESNET_FPN, FBNET, FBNET_FPN),
    "MODEL.RESNETS.DEPTH": (18, 34, 50, 101, 152),
    "MODEL.RESNETS.NORM": ("FrozenBN", "BN", ""),
    "MODEL.RESNETS.OUT_FEATURES": (_STAGES, _STAGES[1:], _STAGES[2:]),
    # All end at stride 32: the pyramid's top level is made from it.
    "MODEL.FPN.IN_FEATURES": tuple(
        stages[first:] for stages in _PYRAMIDS.values() for first in range(3)
    ),
    "MODEL.FBNET_V2.ARCH": ("FBNetV3_A_dsmask",),
    "MODEL.FBNET_V2.WIDTH_DIVISOR": (8,),
    "MODEL.FBNET_V2.NORM": ("",),
    "MODEL.RPN.HEAD_NAME": ("StandardRPNHead", "FBNetV2RpnHead"),
    "MODEL.ROI_HEADS.NAME": ("StandardROIHeads",),
    "MODEL.ROI_BOX_HEAD.NAME": ("FastRCNNConvFCHead", "FBNetV2RoIBoxHead"),
    "MODEL.ROI_BOX_HEAD.POOLER_TYPE": _POOLERS,
    "MODEL.ROI_MASK_HEAD.NAME": ("MaskRCNNConvUpsampleHead", "FBNetV2RoIMaskHead"),
    "MODEL.ROI_MASK_HEAD.POOLER_TYPE": _POOLERS,
    "INPUT.FORMAT": ("BGR", "RGB"),
    "INPUT.MASK_FORMAT": ("polygon", "bitmask"),
    "INPUT.MIN_SIZE_TRAIN_SAMPLING": ("choice", "range"),
    "INPUT.RANDOM_FLIP": ("horizontal", "vertical", "none"),
    "INPUT.CROP.TYPE": ("relative_range", "relative", "absolute", "absolute_range"),
}

# Sections that a network of another kind never reads.
READ_IF: dict[str, Callable[[Values], bool]] = {
    "MODEL.RESNETS.": lambda v: "resnet" in v["MODEL.BACKBONE.NAME"],
    "MODEL.FPN.": lambda v: "fpn" in v["MODEL.BACKBONE.NAME"].lower(),
    "MODEL.FBNET_V2.": lambda v: "FBNetV2" in v["MODEL.BACKBONE.NAME"],
    "MODEL.ANCHOR_GENERATOR.ANGLES": lambda v: "Rotated" in v["MODEL.ANCHOR_GENERATOR.NAME"],
    "MODEL.ROI_BOX_HEAD.NAME": lambda v: v["MODEL.ROI_HEADS.NAME"] != "Res5ROIHeads",
    "MODEL.ROI_BOX_HEAD.FED_LOSS_": lambda v: bool(v["MODEL.ROI_BOX_HEAD.USE_FED_LOSS"]),
    "MODEL.ROI_BOX_CASCADE_HEAD.": lambda v: v["MODEL.ROI_HEADS.NAME"] == "CascadeROIHeads",
    "MODEL.ROI_MASK_HEAD.": lambda v: bool(v["MODEL.MASK_ON"]),
    "MODEL.ROI_KEYPOINT_HEAD.": lambda v: bool(v["MODEL.KEYPOINT_ON"]),
    "TEST.KEYPOINT_OKS_SIGMAS": lambda v: bool(v["MODEL.KEYPOINT_ON"]),
    "MODEL.SEM_SEG_HEAD.": lambda v: (
        v["MODEL.META_ARCHITECTURE"] in ("PanopticFPN", "SemanticSegmentor")
    ),
    "MODEL.PANOPTIC_FPN.": lambda v: v["MODEL.META_ARCHITECTURE"] == "PanopticFPN",
    "MODEL.RETINANET.": lambda v: v["MODEL.META_ARCHITECTURE"] == "RetinaNet",
    **dict.fromkeys(
        (key for key in POINT_REND if key.startswith("MODEL.ROI_MASK_HEAD.")),
        lambda v: "PointRend" in v["MODEL.ROI_MASK_HEAD.NAME"],
    ),
    "MODEL.POINT_HEAD.": lambda v: "PointRend" in v["MODEL.ROI_MASK_HEAD.NAME"],
    "INPUT.CROP.TYPE": lambda v: bool(v["INPUT.CROP.ENABLED"]),
}

_DEFAULTS = {
    **flatten({**DETECTRON2, "MODEL": {**DETECTRON2["MODEL"], "FBNET_V2": FBNET_V2}}),
    **POINT_REND,
}


def unsupported_keys(cfg: CfgNode) -> list[str]:
    """The keys of MODEL, INPUT and TEST whose value the torchvision engine does not support."""
    return list(_problems(cfg))


def check_supported(cfg: CfgNode) -> None:
    """Raise ConfigError with every key that the torchvision engine does not support.

    The message has a line for each: the value given, and what is supported.
    """
    problems = _problems(cfg)
    if not problems:
        return
    lines = "".join(
        f"\n  {key}: got {got!r}, supported: {wanted}" for key, (got, wanted) in problems.items()
    )
    beyond = beyond_every_engine(cfg)
    advice = " ".join(beyond) or (
        "Change it, or install Detectron2 and set VX.ENGINE to detectron2."
    )
    raise ConfigError(
        f"the torchvision engine does not support this configuration:{lines}\n{advice}"
    )


_NO_MASKS = {
    "ProposalNetwork": "An RPN proposes boxes, without classes or masks",
    "RetinaNet": "A RetinaNet finds boxes only",
    "SemanticSegmentor": "A semantic network gives each pixel a class, and finds no single things",
}
_TAKE_MASKS = (
    "which no engine here can use: choose a network that finds things with masks, such as "
    "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x."
)


def beyond_every_engine(cfg: CfgNode) -> list[str]:
    """Why neither engine can use this configuration, a sentence each; nothing where one can.

    Each begins with the key, what it must be, and what came.
    """
    model, found = cfg.MODEL, list[str]()
    kind, generator = model.META_ARCHITECTURE, model.PROPOSAL_GENERATOR.NAME
    if kind not in CHOICES["MODEL.META_ARCHITECTURE"]:
        why = _NO_MASKS.get(kind, "Other networks are not known to find masks here")
        wanted = " or ".join(CHOICES["MODEL.META_ARCHITECTURE"])
        found.append(
            f"MODEL.META_ARCHITECTURE must be {wanted}, got {kind!r}. {why}, {_TAKE_MASKS}"
        )
    elif not model.MASK_ON:
        finds = "Faster R-CNN finds boxes only"
        if model.KEYPOINT_ON:
            finds = "Keypoint R-CNN finds boxes and keypoints only"
        found.append(f"MODEL.MASK_ON must be True, got False. A {finds}, {_TAKE_MASKS}")
    elif generator != "RPN" or model.LOAD_PROPOSALS:
        got = f"got {generator!r}" + " with MODEL.LOAD_PROPOSALS" * bool(model.LOAD_PROPOSALS)
        found.append(
            f"MODEL.PROPOSAL_GENERATOR.NAME must be RPN, {got}. Upright boxes must come from the "
            f"network itself; others need files or angles, {_TAKE_MASKS}"
        )
    if cfg.TEST.AUG.ENABLED:
        found.append(
            "TEST.AUG.ENABLED must be False, got True. No engine here repeats a photo at other "
            "sizes for its boxes; VX.EYE.SIZES does so for the eye."
        )
    return found


def _problems(cfg: CfgNode) -> dict[str, tuple[Any, str]]:
    """Key to what came and what is supported."""
    values = {key: _plain(value) for key, value in flatten(cfg).items()}
    found: dict[str, tuple[Any, str]] = {}
    for key, value in values.items():
        if not key.startswith(("MODEL.", "INPUT.", "TEST.")) or key in HONOURED:
            continue
        if not all(read(values) for prefix, read in READ_IF.items() if key.startswith(prefix)):
            continue
        if key not in _DEFAULTS:
            found[key] = value, "no such key"
            continue
        choices = CHOICES.get(key, (_DEFAULTS[key],))
        if value not in [_plain(choice) for choice in choices]:
            found[key] = value, " or ".join(repr(choice) for choice in choices)
    if not found:
        found = {key: (values[key], wanted) for key, wanted in _mismatches(values).items()}
    return found


def _plain(value: Any) -> Any:
    """The value with lists for tuples: yaml knows no tuples, and Detectron2 takes both."""
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


Rule = tuple[str, bool, str]  # a key, whether it fits the other keys, and what would


def _mismatches(values: Values) -> dict[str, str]:
    """Keys that are fine by themselves but do not fit the others: key to what would."""
    rules = [
        *_trunk_rules(values),
        *_feature_rules(values),
        *_shape_rules(values),
        *_matching_rules(values),
    ]
    return {key: wanted for key, fits, wanted in rules if not fits}


def _trunk_rules(values: Values) -> Iterator[Rule]:
    if values["MODEL.BACKBONE.NAME"] == FBNET_FPN:
        stages = _PYRAMIDS[FBNET_FPN]
        inside = set(values["MODEL.FPN.IN_FEATURES"]) <= set(stages)
        yield "MODEL.FPN.IN_FEATURES", inside, f"some of the trunk's {stages}"
    if values["MODEL.BACKBONE.NAME"] != RESNET_FPN:
        return
    stages = values["MODEL.RESNETS.OUT_FEATURES"]
    inside = set(values["MODEL.FPN.IN_FEATURES"]) <= set(stages)
    yield "MODEL.FPN.IN_FEATURES", inside, f"some of MODEL.RESNETS.OUT_FEATURES: {stages}"
    if values["MODEL.RESNETS.DEPTH"] in (18, 34):
        for key, only in (("MODEL.RESNETS.RES2_OUT_CHANNELS", 64), ("MODEL.RESNETS.NUM_GROUPS", 1)):
            yield key, values[key] == only, f"{only} at DEPTH 18 and 34"


def _feature_rules(values: Values) -> Iterator[Rule]:
    strides = _feature_strides(values)
    for reader in ("RPN", "ROI_HEADS"):
        key = f"MODEL.{reader}.IN_FEATURES"
        names = values[key]
        known = bool(names) and all(name in list(strides) for name in names)
        yield key, known, f"one or more of the backbone's {list(strides)}"
        if values["MODEL.BACKBONE.NAME"] == FBNET:
            yield key, len(names) == 1, "one feature, for those of this backbone differ in width"


def _shape_rules(values: Values) -> Iterator[Rule]:
    levels = len(values["MODEL.RPN.IN_FEATURES"])
    for key in ("MODEL.ANCHOR_GENERATOR.SIZES", "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS"):
        lists = values[key]
        alike = all(isinstance(one, list) and len(one) == len(lists[0]) for one in lists)
        fits = alike and len(lists) in (1, levels)
        yield key, fits, f"1 list, or {levels} of equal length (one per entry of RPN.IN_FEATURES)"
    for key in ("MODEL.PIXEL_MEAN", "MODEL.PIXEL_STD"):
        yield key, len(values[key]) == 3, "3 numbers, one per channel"
    if values["MODEL.ROI_BOX_HEAD.NAME"] == "FastRCNNConvFCHead":
        layers = values["MODEL.ROI_BOX_HEAD.NUM_FC"] + values["MODEL.ROI_BOX_HEAD.NUM_CONV"]
        yield "MODEL.ROI_BOX_HEAD.NUM_FC", layers > 0, "1 or more, unless NUM_CONV is"


def _matching_rules(values: Values) -> Iterator[Rule]:
    for part in ("MODEL.RPN", "MODEL.ROI_HEADS"):
        thresholds, labels = values[f"{part}.IOU_THRESHOLDS"], values[f"{part}.IOU_LABELS"]
        rising = thresholds == sorted(thresholds) and all(one > 0 for one in thresholds)
        yield f"{part}.IOU_THRESHOLDS", rising, "numbers above 0, the lowest first"
        fits = len(labels) == len(thresholds) + 1 and set(labels) <= {-1, 0, 1}
        yield f"{part}.IOU_LABELS", fits, "each -1, 0 or 1, one more than there are IOU_THRESHOLDS"


def _feature_strides(values: Values) -> dict[str, int]:
    """Name to stride of every feature that the backbone offers, finest first."""
    if values["MODEL.BACKBONE.NAME"] == FBNET:
        return _TRUNK_STRIDES
    known = {name: 2 + place for stages in _PYRAMIDS.values() for place, name in enumerate(stages)}
    levels = [known[name] for name in values["MODEL.FPN.IN_FEATURES"]]
    return {f"p{level}": 2**level for level in [*levels, levels[-1] + 1]}
