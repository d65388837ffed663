"""The one way from a configuration to records: COCO json or folders, read and checked."""

from __future__ import annotations

import logging
from pathlib import Path

from fvcore.common.config import CfgNode

from vx_detectron.data.checks import check_records, expect_enough
from vx_detectron.data.coco import Loaded, read_coco
from vx_detectron.data.folders import read_folders
from vx_detectron.errors import DataError

logger = logging.getLogger(__name__)

# So many problems are worth a line each in a log.
_TOLD = 20


def load_records(cfg: CfgNode) -> Loaded:
    """Read and check the data of ``VX.DATA``; what cannot be used is logged and left out.

    Returns:
        Good records, the categories, and the problems of the others.

    Raises:
        DataError: the data cannot be read at all, or too little of it can be used.
    """
    loaded = read_records(cfg)
    expect_enough(len(loaded.records), loaded.problems)
    for problem in loaded.problems[:_TOLD]:
        logger.warning("left out: %s: %s", problem.file_name, problem.reason)
    if len(loaded.problems) > _TOLD:
        logger.warning("left out: %d more", len(loaded.problems) - _TOLD)
    return loaded


def read_records(cfg: CfgNode) -> Loaded:
    """As ``load_records``, but silent, and content with any number of good records."""
    loaded = _read_source(cfg)
    good, problems = check_records(
        loaded.records,
        loaded.categories,
        decode=cfg.VX.DATA.DECODE,
        max_pixels=cfg.VX.INPUT.MAX_PIXELS,
    )
    return Loaded(good, loaded.categories, [*loaded.problems, *problems])


def _read_source(cfg: CfgNode) -> Loaded:
    data, max_pixels = cfg.VX.DATA, cfg.VX.INPUT.MAX_PIXELS
    if bool(data.JSON) == bool(data.MASK_ROOT):
        raise DataError(
            "expected annotations in VX.DATA.JSON or masks in VX.DATA.MASK_ROOT, got "
            f"{'both' if data.JSON else 'neither'}"
        )
    if data.JSON:
        return read_coco(Path(data.JSON), Path(data.IMAGE_ROOT), max_pixels=max_pixels)
    names = tuple(cfg.VX.CLASS_NAMES)
    root, masks = Path(data.IMAGE_ROOT), Path(data.MASK_ROOT)
    return read_folders(root, masks, data.MASKS, names, max_pixels=max_pixels)
