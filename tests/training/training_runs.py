"""Small trainings: their options, and what they wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fvcore.common.config import CfgNode

from vx_detectron.config import load_cfg

TOOL = [sys.executable, str(Path(__file__).parents[2] / "tools" / "train_net.py")]
DETECTOR = "COCO-InstanceSegmentation/mask_rcnn_R_18_FPN"

_COMMON: dict[str, object] = {
    "MODEL.DEVICE": "cpu",
    "VX.ENGINE": "torchvision",
    "VX.DATA.VALIDATION": 2,
    "VX.SOLVER.LOG_PERIOD": 1,
    "VX.SOLVER.EMA_DECAY": 0.5,
    "VX.SUBJECT.MIN_SCORE": 0.0,  # a map of few steps is sure of nothing
    "SEED": 1,
    "SOLVER.IMS_PER_BATCH": 4,
    "SOLVER.WARMUP_ITERS": 2,
    "SOLVER.AMP.ENABLED": False,
    "DATALOADER.NUM_WORKERS": 0,
}
_EYE = {
    **_COMMON,
    "VX.EYE.SIZES": (64,),
    "VX.EYE.ZOOM": False,
    "VX.SOLVER.CROP": 64,
    "VX.AUGMENT.CROP_SIZES": [],
    "SOLVER.MAX_ITER": 8,
    "SOLVER.CHECKPOINT_PERIOD": 3,
    "SOLVER.BASE_LR": 0.003,
    "TEST.EVAL_PERIOD": 4,
    "INPUT.MIN_SIZE_TEST": 64,
}
# A Mask R-CNN of few channels, and few boxes to learn from.
_SMALL = {
    **_COMMON,
    "MODEL.WEIGHTS": "",
    "VX.EYE.NAME": "none",
    "MODEL.RESNETS.NORM": "BN",
    "MODEL.BACKBONE.FREEZE_AT": 0,
    "MODEL.RESNETS.STEM_OUT_CHANNELS": 16,
    "MODEL.FPN.OUT_CHANNELS": 16,
    "MODEL.ANCHOR_GENERATOR.SIZES": [[8], [16], [32], [64], [128]],
    "MODEL.RPN.PRE_NMS_TOPK_TRAIN": 60,
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": 30,
    "MODEL.RPN.PRE_NMS_TOPK_TEST": 60,
    "MODEL.RPN.POST_NMS_TOPK_TEST": 20,
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 16,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 32,
    "MODEL.ROI_MASK_HEAD.CONV_DIM": 16,
    "INPUT.MIN_SIZE_TRAIN": (64,),
    "INPUT.MIN_SIZE_TEST": 64,
    "VX.AUGMENT.CROP": "shortest_edge",
    "SOLVER.MAX_ITER": 8,
    "SOLVER.CHECKPOINT_PERIOD": 3,
    "SOLVER.BASE_LR": 0.02,
    "SOLVER.STEPS": (),
    "TEST.EVAL_PERIOD": 4,
}


def eye_options(annotations: Path, **overrides: object) -> list[str]:
    """KEY VALUE pairs for ``finetune_vx_eye`` on discs; ``SOLVER__MAX_ITER=1`` overrides."""
    return _pairs(_EYE, annotations, overrides)


def detector_options(annotations: Path, **overrides: object) -> list[str]:
    """KEY VALUE pairs for DETECTOR on shapes."""
    return _pairs(_SMALL, annotations, overrides)


def _pairs(values: dict[str, object], annotations: Path, overrides: dict[str, object]) -> list[str]:
    data = {"VX.DATA.JSON": annotations, "VX.DATA.IMAGE_ROOT": annotations.parent / "images"}
    values = {**values, **data, **{k.replace("__", "."): v for k, v in overrides.items()}}
    return [str(part) for pair in values.items() for part in pair]


def configured(name: str, options: list[str], output: Path) -> CfgNode:
    """The configuration of a run that writes to a folder."""
    return load_cfg(name, [*options, "OUTPUT_DIR", str(output)])


def curve(folder: Path, name: str = "total_loss") -> dict[int, float]:
    """Iteration to value, the last one of each."""
    lines = map(json.loads, (folder / "metrics.json").read_text().splitlines())
    return {line["iteration"]: line[name] for line in lines if name in line}
