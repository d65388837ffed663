"""Which values of Detectron2's training keys are valid and supported, by either engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fvcore.common.config import CfgNode

from vx_detectron.config.defaults import flatten
from vx_detectron.errors import ConfigError

Limit = tuple[Callable[[Any], bool], str]


def _only(*choices: Any) -> Limit:
    return lambda value: value in choices, " or ".join(repr(choice) for choice in choices)


def _from(least: float) -> Limit:
    return lambda value: bool(value >= least), f"{least} or more"


_MEASURED = (
    ("subject", "subject_iou"),
    ("subject", "saliency_iou"),
    ("hints", "click_iou"),
    ("segm", "segm_AP"),
    ("bbox", "bbox_AP"),
)


def _is_expectation(entry: Any) -> bool:
    """Whether it is what Detectron2 has: task, metric, value and tolerance."""
    return (
        isinstance(entry, list | tuple)
        and tuple(entry[:2]) in _MEASURED
        and [type(number) in (int, float) for number in entry[2:]] == [True, True]
    )


def _above_zero() -> Limit:
    return lambda value: bool(value > 0), "above 0"


_LIMITS: dict[str, Limit] = {
    "SOLVER.MAX_ITER": _from(1),
    "SOLVER.IMS_PER_BATCH": _from(1),
    "SOLVER.CHECKPOINT_PERIOD": _from(1),
    "SOLVER.BASE_LR": _above_zero(),
    "SOLVER.BASE_LR_END": _from(0),
    "SOLVER.BIAS_LR_FACTOR": _from(0),
    "SOLVER.GAMMA": _above_zero(),
    "SOLVER.MOMENTUM": (lambda value: 0 <= value < 1, "0 or more, and below 1"),
    "SOLVER.WEIGHT_DECAY": _from(0),
    "SOLVER.WEIGHT_DECAY_NORM": _from(0),
    "SOLVER.WARMUP_ITERS": _from(0),
    "SOLVER.WARMUP_FACTOR": _from(0),
    "SOLVER.WARMUP_METHOD": _only("linear", "constant"),
    "SOLVER.LR_SCHEDULER_NAME": _only(
        "WarmupMultiStepLR", "WarmupCosineLR", "WarmupStepWithFixedGammaLR"
    ),
    "SOLVER.NUM_DECAYS": _from(1),
    # "full_model" is Mask2Former's: the norm of all gradients together.
    "SOLVER.CLIP_GRADIENTS.CLIP_TYPE": _only("value", "norm", "full_model"),
    "SOLVER.CLIP_GRADIENTS.CLIP_VALUE": _above_zero(),
    "SOLVER.REFERENCE_WORLD_SIZE": _only(0),
    "DATALOADER.NUM_WORKERS": _from(0),
    "DATALOADER.SAMPLER_TRAIN": _only("TrainingSampler"),
    "DATASETS.PROPOSAL_FILES_TRAIN": (lambda value: len(value) == 0, "empty"),
    "DATASETS.PROPOSAL_FILES_TEST": (lambda value: len(value) == 0, "empty"),
    "TEST.EVAL_PERIOD": _from(0),
    "TEST.EXPECTED_RESULTS": (
        lambda value: all(_is_expectation(one) for one in value),
        "['subject', 'subject_iou', value, tolerance], the same with 'saliency_iou', "
        "['hints', 'click_iou', value, tolerance], "
        "['segm', 'segm_AP', value, tolerance] or ['bbox', 'bbox_AP', value, tolerance]",
    ),
    "TEST.PRECISE_BN.ENABLED": _only(False),
    "VIS_PERIOD": _only(0),
    "FLOAT32_PRECISION": _only("", "highest", "high", "medium"),
}


def check_training(cfg: CfgNode) -> None:
    """Raise ConfigError with every training key whose value is not supported.

    SOLVER, DATALOADER, DATASETS, TEST, VIS_PERIOD, FLOAT32_PRECISION and, where the eye is trained,
    VX.EYE.NAME are checked; MODEL and INPUT are the engines' to check.
    """
    values = flatten(cfg)
    lines = [
        f"\n  {key}: got {values[key]!r}, supported: {wanted}"
        for key, (fits, wanted) in _LIMITS.items()
        if not fits(values[key])
    ]
    if values["SOLVER.BASE_LR_END"] > values["SOLVER.BASE_LR"]:
        lines.append("\n  SOLVER.BASE_LR_END: must not be above SOLVER.BASE_LR")
    if values["SOLVER.NESTEROV"] and values["SOLVER.MOMENTUM"] == 0:
        lines.append("\n  SOLVER.NESTEROV: needs a SOLVER.MOMENTUM above 0")
    if values["VX.AUGMENT.PASTE_PROB"] > 0 and cfg.VX.TRAIN not in ("eye", "hints"):
        lines.append(
            f"\n  VX.AUGMENT.PASTE_PROB: is for VX.TRAIN eye and hints, got {cfg.VX.TRAIN}: what "
            "is pasted has no class; detectors have VX.AUGMENT.COPY_PASTE_PROB"
        )
    if values["VX.AUGMENT.SEGMENT_PROB"] > 0 and cfg.VX.TRAIN != "hints":
        lines.append(f"\n  VX.AUGMENT.SEGMENT_PROB: is for VX.TRAIN hints, got {cfg.VX.TRAIN}")
    if cfg.VX.TRAIN == "hints" and values["VX.SOLVER.BEST_BY"] not in ("auto", "click_iou"):
        lines.append(
            f"\n  VX.SOLVER.BEST_BY: got {values['VX.SOLVER.BEST_BY']!r}, supported for VX.TRAIN "
            "hints: 'auto' or 'click_iou'"
        )
    if values["VX.AUGMENT.PASTE_PROB"] > 0 and values["VX.AUGMENT.COPY_PASTE_PROB"] > 0:
        lines.append("\n  VX.AUGMENT.PASTE_PROB: not together with VX.AUGMENT.COPY_PASTE_PROB")
    if cfg.VX.TRAIN in ("eye", "both", "hints") and cfg.VX.EYE.NAME != "vx_eye":
        lines.append(
            f"\n  VX.EYE.NAME: got {cfg.VX.EYE.NAME!r}, but the eye that is trained, or whose "
            "features hints are trained on, is vx_eye; its weights are VX.EYE.WEIGHTS"
        )
    if lines:
        raise ConfigError(f"training does not support this configuration:{''.join(lines)}")
