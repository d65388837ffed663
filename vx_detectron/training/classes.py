"""What a network learns: its classes, taken from the data where none are given; and a map."""

from __future__ import annotations

import logging

from fvcore.common.config import CfgNode

from vx_detectron.data.categories import Categories
from vx_detectron.errors import ConfigError
from vx_detectron.training.freezing import SALIENCY_HEAD

DETECTOR = ("backbone.", "proposal_generator.", "roi_heads.")

logger = logging.getLogger(__name__)


def detector_is_frozen(cfg: CfgNode) -> bool:
    """Whether ``VX.SOLVER.FREEZE`` names every part but the saliency head."""
    prefixes = tuple(cfg.VX.SOLVER.FREEZE)
    return all(any(part.startswith(prefix) for prefix in prefixes) for part in DETECTOR)


def saliency_is_trained(cfg: CfgNode) -> bool:
    """Whether there is a saliency head that ``VX.SOLVER.FREEZE`` does not name."""
    frozen = any(SALIENCY_HEAD.startswith(prefix) for prefix in cfg.VX.SOLVER.FREEZE)
    return cfg.MODEL.META_ARCHITECTURE == "PanopticFPN" and not frozen


def with_data_classes(cfg: CfgNode, categories: Categories) -> CfgNode:
    """The configuration with the classes of the data, if the detector shall learn them.

    ``VX.CLASS_NAMES`` and ``MODEL.ROI_HEADS.NUM_CLASSES`` are taken from the data where no names
    are given. A frozen detector keeps its classes.

    Raises:
        ConfigError: the data has no classes, or others than those that are given.
    """
    if detector_is_frozen(cfg):
        return cfg
    names, given = categories.class_names, tuple(cfg.VX.CLASS_NAMES)
    if not names:
        raise ConfigError(
            "the data has subjects only, and no classes for a detector to learn: train the "
            f"saliency head alone (VX.SOLVER.FREEZE {[part[:-1] for part in DETECTOR]}), or give "
            "annotated instances"
        )
    if given and set(given) != set(names):
        raise ConfigError(
            f"VX.CLASS_NAMES are {', '.join(given)}, but the data has {', '.join(names)}; leave "
            "VX.CLASS_NAMES out to take those of the data"
        )
    if given:
        return cfg
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL.ROI_HEADS.NUM_CLASSES, cfg.VX.CLASS_NAMES = len(names), list(names)
    cfg.freeze()
    logger.info("%d classes, from the data: %s", len(names), ", ".join(names))
    return cfg


def class_ids(cfg: CfgNode, categories: Categories) -> dict[int, int]:
    """Category id to class, 0..K-1, in the order of ``VX.CLASS_NAMES`` where it is given."""
    names = tuple(cfg.VX.CLASS_NAMES)
    if detector_is_frozen(cfg) or not names:
        return categories.class_ids
    return {category: names.index(name) for category, name in categories.names.items()}
