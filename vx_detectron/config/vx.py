"""What this project adds to Detectron2's keys: the VX node, D2Go's FBNET_V2, and their limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fvcore.common.config import CfgNode

from vx_detectron.config.defaults import FBNET_V2, flatten
from vx_detectron.errors import ConfigError


def add_vx_config(cfg: CfgNode) -> None:
    """Add the VX node to a tree with Detectron2's keys, and set ``MODEL.DEVICE`` to auto.

    The tree may be ours or that of the real ``detectron2.config.get_cfg()``.
    """
    node = type(cfg)  # yacs merges only nodes of one class

    # "auto": CUDA where there is some, else the CPU. An explicit device that is missing is an
    # error. Detectron2's own default is "cuda".
    cfg.MODEL.DEVICE = "auto"

    cfg.VX = node()
    # Which engine runs the network: "detectron2", "torchvision", or "auto": the first where it
    # can be imported, else the second.
    cfg.VX.ENGINE = "auto"
    # Names of the classes 0, 1, ...; as many as MODEL.ROI_HEADS.NUM_CLASSES. Empty: COCO's 80.
    cfg.VX.CLASS_NAMES = []

    cfg.VX.INPUT = node()
    # Largest photo, in pixels (width x height). It guards the memory.
    cfg.VX.INPUT.MAX_PIXELS = 100_000_000
    # Largest file, in bytes.
    cfg.VX.INPUT.MAX_BYTES = 512 * 2**20

    _add_subject(cfg, node)
    _add_refine(cfg, node)

    cfg.VX.FALLBACK = node()
    # Whether a photo in which the network finds nothing is still cut, by GrabCut. The result says
    # so. False: it is an error.
    cfg.VX.FALLBACK.ENABLED = True

    _add_data(cfg, node)
    _add_augment(cfg, node)
    _add_solver(cfg, node)


def _add_subject(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How the subject is chosen among the instances."""
    cfg.VX.SUBJECT = node()
    # Weight of each feature, 0 or more. Only their proportions count.
    cfg.VX.SUBJECT.WEIGHTS = node()
    cfg.VX.SUBJECT.WEIGHTS.SALIENCY = 0.25  # how much it stands out
    cfg.VX.SUBJECT.WEIGHTS.SIZE = 0.30  # its share of the photo
    cfg.VX.SUBJECT.WEIGHTS.CENTRALITY = 0.10  # how near to the centre
    cfg.VX.SUBJECT.WEIGHTS.CONFIDENCE = 0.10  # the detector's score
    cfg.VX.SUBJECT.WEIGHTS.BORDER = 0.25  # how little the frame cuts it
    # A photo whose best instance scores less has no subject. 0..1.
    cfg.VX.SUBJECT.MIN_SCORE = 0.48
    # How many instances the ranking keeps, best first.
    cfg.VX.SUBJECT.MAX_CANDIDATES = 100
    # Whether others may join the best one, such as the horse its rider.
    cfg.VX.SUBJECT.GROUPS = True
    # Whether salient regions that no class explains may be the subject.
    cfg.VX.SUBJECT.SALIENT_REGIONS = True


def _add_refine(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How the edge of the mask is refined; every step can be left out."""
    cfg.VX.REFINE = node()
    # Let the network's saliency map correct the instances' masks.
    cfg.VX.REFINE.FUSE_SALIENCY = True
    # A dense CRF in the band around the edge.
    cfg.VX.REFINE.DENSE_CRF = True
    # Close holes and drop specks.
    cfg.VX.REFINE.MORPHOLOGY = True
    # Narrow the soft edge to what the photo's own pixels show.
    cfg.VX.REFINE.SHARP_EDGE = True


def _add_data(cfg: CfgNode, node: type[CfgNode]) -> None:
    """What a training learns from, beyond Detectron2's DATASETS."""
    cfg.VX.DATA = node()
    # COCO annotations, and the folder that their file names start from. Paths.
    cfg.VX.DATA.JSON = ""
    cfg.VX.DATA.IMAGE_ROOT = ""
    # How many photos are held out to choose the best checkpoint, and the seed of that choice.
    cfg.VX.DATA.VALIDATION = 160
    cfg.VX.DATA.SPLIT_SEED = 1


def _add_augment(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How a training varies its photos."""
    cfg.VX.AUGMENT = node()


def _add_solver(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How a training goes, beyond Detectron2's SOLVER."""
    cfg.VX.SOLVER = node()
    # "SGD" as in Detectron2, or "AdamW".
    cfg.VX.SOLVER.OPTIMIZER = "SGD"
    # Beginnings of the names of parameters: those that are not trained, and those that are
    # pretrained and get a tenth of SOLVER.BASE_LR.
    cfg.VX.SOLVER.FREEZE = []
    cfg.VX.SOLVER.SLOW = []
    # The running average of the weights keeps this share of itself at every step. 0 up to 1.
    cfg.VX.SOLVER.EMA_DECAY = 0.998
    # Side of the training crops, in pixels of the network's input.
    cfg.VX.SOLVER.CROP = 320
    # How much more a pixel near the subject's edge counts, at most. 0 counts all alike.
    cfg.VX.SOLVER.EDGE_WEIGHT = 0.0
    # Steps between two lines of the log.
    cfg.VX.SOLVER.LOG_PERIOD = 20


def add_fbnet_config(cfg: CfgNode) -> None:
    """Add D2Go's ``MODEL.FBNET_V2`` node; one that is there already stays as it is."""
    if "FBNET_V2" not in cfg.MODEL:
        cfg.MODEL.FBNET_V2 = type(cfg)(FBNET_V2)


def _at_least(least: int) -> tuple[Callable[[Any], bool], str]:
    return lambda value: bool(math.isfinite(value) and value >= least), f"at least {least}"


def _one_of(*choices: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in choices, "one of " + ", ".join(choices)


_WEIGHTS = ("SALIENCY", "SIZE", "CENTRALITY", "CONFIDENCE", "BORDER")
_LIMITS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "VX.ENGINE": _one_of("auto", "detectron2", "torchvision"),
    "VX.CLASS_NAMES": (
        lambda value: (
            len(set(map(str, value))) == len(value)
            and all(isinstance(name, str) and name for name in value)
        ),
        "different texts",
    ),
    "VX.INPUT.MAX_PIXELS": _at_least(1),
    "VX.INPUT.MAX_BYTES": _at_least(1),
    **{f"VX.SUBJECT.WEIGHTS.{name}": _at_least(0) for name in _WEIGHTS},
    "VX.SUBJECT.MIN_SCORE": (lambda value: 0.0 <= value <= 1.0, "within 0..1"),
    "VX.SUBJECT.MAX_CANDIDATES": _at_least(1),
    "VX.DATA.VALIDATION": _at_least(0),
    "VX.SOLVER.OPTIMIZER": _one_of("SGD", "AdamW"),
    "VX.SOLVER.EMA_DECAY": (lambda value: 0.0 <= value < 1.0, "0 or more, and below 1"),
    "VX.SOLVER.CROP": _at_least(1),
    "VX.SOLVER.EDGE_WEIGHT": _at_least(0),
    "VX.SOLVER.LOG_PERIOD": _at_least(1),
}


def check_vx_values(cfg: CfgNode) -> None:
    """Raise ConfigError for the first value of the VX node that makes no sense."""
    values = flatten(cfg)
    for key, (fits, wanted) in _LIMITS.items():
        if not fits(values[key]):
            raise ConfigError(f"{key} must be {wanted}, got {values[key]!r}")
    if not sum(cfg.VX.SUBJECT.WEIGHTS.values()) > 0:
        raise ConfigError("VX.SUBJECT.WEIGHTS: at least one weight must be above 0, got all 0")
    names, classes = len(cfg.VX.CLASS_NAMES), cfg.MODEL.ROI_HEADS.NUM_CLASSES
    if names and names != classes:
        raise ConfigError(
            f"VX.CLASS_NAMES must name all {classes} classes of MODEL.ROI_HEADS.NUM_CLASSES, "
            f"got {names} names; set both"
        )
