"""The one way from a configuration to records: annotations or masks, read and checked."""

from __future__ import annotations

import logging
from pathlib import Path

from fvcore.common.config import CfgNode

from vx_detectron.data.categories import DatasetDict, number_from
from vx_detectron.data.checks import check_records, expect_enough
from vx_detectron.data.coco import Loaded
from vx_detectron.data.exports import read_export
from vx_detectron.data.folders import read_folders
from vx_detectron.data.subjects import mark_subjects, rule_of
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
    for note in loaded.notes:
        logger.warning("note: %s", note)
    expect_enough(len(loaded.records), loaded.problems)
    for problem in loaded.problems[:_TOLD]:
        logger.warning("left out: %s: %s", problem.file_name, problem.reason)
    if len(loaded.problems) > _TOLD:
        logger.warning("left out: %d more", len(loaded.problems) - _TOLD)
    return loaded


def read_records(cfg: CfgNode) -> Loaded:
    """As ``load_records``, but silent, and content with any number of good records."""
    loaded = _with_validation(cfg, _read_source(cfg))
    good, problems = check_records(
        loaded.records,
        loaded.categories,
        decode=cfg.VX.DATA.DECODE,
        max_pixels=cfg.VX.INPUT.MAX_PIXELS,
    )
    mark_subjects(good, rule_of(cfg, loaded.categories))
    return loaded._replace(records=good, problems=[*loaded.problems, *problems])


def _read_source(cfg: CfgNode) -> Loaded:
    data, max_pixels = cfg.VX.DATA, cfg.VX.INPUT.MAX_PIXELS
    alpha = data.MASKS == "alpha" and data.IMAGE_ROOT
    if bool(data.JSON) == bool(data.MASK_ROOT or alpha):
        raise DataError(
            "expected annotations in VX.DATA.JSON, or masks in VX.DATA.MASK_ROOT, or photos with "
            "transparency in VX.DATA.IMAGE_ROOT and VX.DATA.MASKS alpha; got "
            f"{'more than one of them' if data.JSON else 'none of them'}"
        )
    root = Path(data.IMAGE_ROOT)
    if data.JSON:
        return read_export(Path(data.JSON), root, max_pixels=max_pixels)
    names, masks = tuple(cfg.VX.CLASS_NAMES), Path(data.MASK_ROOT or data.IMAGE_ROOT)
    return read_folders(root, masks, data.MASKS, names, max_pixels=max_pixels)


def _with_validation(cfg: CfgNode, loaded: Loaded) -> Loaded:
    """The data, and the photos of ``VX.DATA.VALIDATION_JSON`` as its validation split."""
    data = cfg.VX.DATA
    if not data.VALIDATION_JSON:
        return loaded
    source, root = Path(data.VALIDATION_JSON), Path(data.VALIDATION_ROOT or data.IMAGE_ROOT)
    other = read_export(source, root, max_pixels=cfg.VX.INPUT.MAX_PIXELS)
    numbers = {name: number for number, name in loaded.categories.names.items()}
    unknown = sorted(set(other.categories.names.values()) - numbers.keys())
    if unknown:
        raise DataError(
            f"{source} has the classes {', '.join(unknown)}, which VX.DATA.JSON does not have; "
            "both files must name their classes alike"
        )
    ids = {number: numbers[name] for number, name in other.categories.names.items()}
    subject = next(iter(loaded.categories.subject_ids), None)
    if subject is not None:
        ids |= dict.fromkeys(other.categories.subject_ids, subject)
    taken = {record["image_id"] for record in loaded.records}
    held_out = [_held_out(record, ids, taken) for record in other.records]
    return Loaded(
        [*loaded.records, *held_out],
        loaded.categories,
        [*loaded.problems, *other.problems],
        [*loaded.notes, *other.notes],
    )


def _held_out(record: DatasetDict, ids: dict[int, int], taken: set[int]) -> DatasetDict:
    """A record of another file, with the categories of the first, and an id of its own."""
    number = record["image_id"]
    if number in taken:
        number = number_from(record["file_name"])
    annotations = [
        {**one, "category_id": ids.get(one["category_id"], one["category_id"])}
        for one in record["annotations"]
    ]
    held_out = {**record, "image_id": number, "split": "val", "annotations": annotations}
    if "annotated_categories" in record:
        known = record["annotated_categories"]
        held_out["annotated_categories"] = [ids[one] for one in known if one in ids]
    return held_out
