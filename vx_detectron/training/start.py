"""The network that a training starts from: what fits of MODEL.WEIGHTS, the rest at random."""

from __future__ import annotations

import logging

from fvcore.common.config import CfgNode

from vx_detectron.engines import weights
from vx_detectron.engines.checkpoint_file import read_checkpoint
from vx_detectron.engines.key_table import load_matching, rename
from vx_detectron.engines.modeling.mask_rcnn import MaskRCNN, build_model
from vx_detectron.engines.modeling.saliency_head import branch_from_detector

logger = logging.getLogger(__name__)


def starting_model(cfg: CfgNode) -> MaskRCNN:
    """Build the network and load ``MODEL.WEIGHTS`` into it, saying what the file does not have.

    Where the file is a detector without a saliency head, the head's branch starts from the
    detector's own stages. An empty ``MODEL.WEIGHTS`` starts at random.

    Raises:
        CheckpointError: the file is missing, damaged or unsafe.
    """
    model = build_model(cfg)
    if not cfg.MODEL.WEIGHTS:
        logger.warning("MODEL.WEIGHTS is empty: training starts from random weights")
        return model
    given = rename(read_checkpoint(weights.resolve(cfg.MODEL.WEIGHTS)))
    if model.saliency_features and not any(name.startswith("sem_seg_head.") for name in given):
        given = {**given, **branch_from_detector(given)}
    left, unused = load_matching(model, given)
    logger.info("loaded %d entries of %s", len(given) - len(unused), cfg.MODEL.WEIGHTS)
    for what, names in (("not in the file, at random", left), ("in the file, unused", unused)):
        if names:
            logger.warning("%d entries %s: %s", len(names), what, ", ".join(names[:12]))
    return model
