"""The weights that a training starts from: what fits of MODEL.WEIGHTS, the rest at random."""

from __future__ import annotations

import logging

from fvcore.common.config import CfgNode
from torch import nn

from vx_detectron.modeling.copies import copies_of_detector
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import OPTIONAL_SUFFIX, load_matching, rename

logger = logging.getLogger(__name__)


def load_start_weights(cfg: CfgNode, model: nn.Module) -> None:
    """Load ``MODEL.WEIGHTS`` into a network of either engine, naming what does not fit.

    Layers of another shape, such as those of other classes, keep their random weights. What the
    file lacks, but can be copied from its detector (see ``copies``), starts as that copy. An empty
    ``MODEL.WEIGHTS`` starts at random.

    Raises:
        CheckpointError: the file is missing, damaged or unsafe.
    """
    if not cfg.MODEL.WEIGHTS:
        logger.warning("MODEL.WEIGHTS is empty: training starts from random weights")
        return
    given = rename(read_checkpoint(catalog.resolve(cfg.MODEL.WEIGHTS)))
    wanted = {name for name in model.state_dict() if not name.endswith(OPTIONAL_SUFFIX)}
    copies = copies_of_detector(given)
    given |= {name: copies[name] for name in copies.keys() & wanted - given.keys()}
    left, unused = load_matching(model, given)
    missing = [name for name in left if name in wanted]
    logger.info("loaded %d entries of %s", len(given) - len(unused), cfg.MODEL.WEIGHTS)
    for what, names in (
        ("of another shape in the file, start at random", [n for n in missing if n in given]),
        ("not in the file, start at random", [n for n in missing if n not in given]),
        ("in the file, but not in the network", [n for n in unused if n not in wanted]),
    ):
        if names:
            logger.warning("%d weights are %s: %s", len(names), what, _listed(names))


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
