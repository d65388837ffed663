"""Which engine trains: as ``VX.ENGINE`` says, and why, where ``auto`` has to choose."""

from __future__ import annotations

import logging
import os

from fvcore.common.config import CfgNode

from vx_detectron.engines import engine_name
from vx_detectron.engines.device import resolve_device
from vx_detectron.errors import ConfigError
from vx_detectron.training.classes import detector_is_frozen

logger = logging.getLogger(__name__)


def training_engine(cfg: CfgNode) -> str:
    """``detectron2`` or ``torchvision``.

    ``auto`` takes Detectron2 where it is installed and can do what is asked for.

    Raises:
        EngineError: Detectron2 was asked for and is not there.
        ConfigError: Detectron2 was asked for what it cannot do.
    """
    name = engine_name(cfg)
    reason = _beyond_detectron2(cfg) if name == "detectron2" else ""
    if reason and cfg.VX.ENGINE == "detectron2":
        raise ConfigError(f"{reason}; set VX.ENGINE to torchvision")
    name = "torchvision" if reason else name
    logger.info("training with %s%s", name, f": {reason}" if reason else "")
    return name


def _beyond_detectron2(cfg: CfgNode) -> str:
    """What Detectron2's trainer cannot do of what is asked for; empty where it can do it all."""
    if detector_is_frozen(cfg):
        return "Detectron2's networks compute the losses of a frozen detector too"
    if cfg.SOLVER.AMP.ENABLED and resolve_device(cfg.MODEL.DEVICE).type != "cuda":
        return "Detectron2 has mixed precision (SOLVER.AMP) on CUDA only"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return "several processes train with the torchvision engine only"
    return ""
