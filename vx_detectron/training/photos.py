"""What a training learns from and validates on, and which classes it learns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fvcore.common.config import CfgNode

from vx_detectron.data.categories import Categories
from vx_detectron.data.coco import DatasetDict, Loaded
from vx_detectron.data.scene import class_annotations
from vx_detectron.data.splits import Splits, split_dataset
from vx_detectron.data.subjects import has_subject, reasons
from vx_detectron.errors import ConfigError, TrainingError

logger = logging.getLogger(__name__)

CLASSLESS = ("eye", "hints")  # of VX.TRAIN: a thing's class means nothing to them


def with_data_classes(cfg: CfgNode, categories: Categories) -> CfgNode:
    """The configuration with the classes of the data, if the detector is to learn them.

    ``VX.CLASS_NAMES`` and ``MODEL.ROI_HEADS.NUM_CLASSES`` are taken from the data where no names
    are given. Where the eye or hints are trained, the detector keeps its classes; so it does where
    ``VX.TRAIN`` is "auto" and the data have none, and ``VX.TRAIN`` then becomes "eye".

    Raises:
        ConfigError: the data has no classes, or others than those that are given.
    """
    if cfg.VX.TRAIN == "auto" and not categories.class_names:
        cfg = cfg.clone()
        cfg.defrost()
        cfg.VX.TRAIN = "eye"
        cfg.freeze()
    if cfg.VX.TRAIN in CLASSLESS:
        return cfg
    names, given = categories.class_names, tuple(cfg.VX.CLASS_NAMES)
    if not names:
        raise ConfigError(
            "the data has only subjects, no classes for a detector to learn: train the eye "
            "(--config-file finetune_vx_eye), or add annotated instances"
        )
    if given and set(given) != set(names):
        raise ConfigError(
            f"VX.CLASS_NAMES are {', '.join(given)}, but the data has {', '.join(names)}; leave "
            "VX.CLASS_NAMES out to use those of the data"
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
    if cfg.VX.TRAIN in CLASSLESS or not names:
        return categories.class_ids
    return {category: names.index(name) for category, name in categories.names.items()}


@dataclass(frozen=True)
class Photos:
    """The photos of a training.

    Attributes:
        train: to learn from.
        validation: held out, each with a known subject, or with classes for a detector to find.
        class_ids: category id to class, 0..K-1.
        complete: whether in all of ``train`` every object of every class is annotated.
        splits: all photos, also those that teach nothing of what is trained.
    """

    train: Sequence[DatasetDict]
    validation: Sequence[DatasetDict]
    class_ids: dict[int, int]
    complete: bool
    splits: Splits


def choose_photos(cfg: CfgNode, loaded: Loaded, resume: bool) -> Photos:
    """Split the photos, and keep those that teach what is trained, or have a subject to check.

    Args:
        cfg: VX.DATA and VX.SOLVER.FREEZE are read.
        loaded: see ``vx_detectron.data.sources.load_records``.
        resume: keep to the ``splits.json`` in ``OUTPUT_DIR``.

    Raises:
        DataError: that file is damaged.
        TrainingError: nothing is left to train on.
    """
    ids = class_ids(cfg, loaded.categories)
    learns = cfg.VX.TRAIN != "eye"  # from annotated things, the subject apart

    def judged(record: DatasetDict) -> bool:
        return learns and bool(class_annotations(record, ids))

    splits = split_dataset(cfg, loaded.records, resume=resume, judged=judged)
    train = [record for record in splits.train if _teaches(record, cfg, ids)]
    validation = [record for record in splits.val if has_subject(record) or judged(record)]
    if not train:
        why = "; ".join(reasons(splits.train))
        raise TrainingError(
            f"no photo is left to train on: of {len(loaded.records)} photos VX.DATA.VALIDATION "
            f"and TEST hold out {len(splits.val) + len(splits.test)}, and {len(splits.train)} "
            f"others teach nothing that is trained{f' ({why})' if why else ''}; give more, or hold "
            "out fewer"
        )
    _tell(cfg, train, validation, judged)
    complete = all(map(loaded.categories.complete, train))
    return Photos(train, validation, ids, complete, splits)


def _tell(
    cfg: CfgNode,
    train: list[DatasetDict],
    validation: list[DatasetDict],
    teaches_classes: Callable[[DatasetDict], bool],
) -> None:
    """Log how many photos teach what, why others do not, and for what there are none."""
    logger.info("%d photos to train on, %d to validate on", len(train), len(validation))
    if cfg.VX.TRAIN == "hints":
        logger.info("%d of them with annotated things", sum(map(teaches_classes, train)))
    elif cfg.VX.TRAIN != "eye":
        logger.info("%d of them with annotated classes", sum(map(teaches_classes, train)))
    _tell_subjects(train)
    if not validation:
        logger.warning(
            "no photo that can be judged is held out (VX.DATA.VALIDATION %d): the best checkpoint "
            "cannot be chosen, and there will be no model_best.pth",
            cfg.VX.DATA.VALIDATION,
        )


def _tell_subjects(train: list[DatasetDict]) -> None:
    """Log how many photos say what their subject is, which an eye learns from."""
    with_subject = sum(map(has_subject, train))
    logger.info("%d of %d photos have a known subject", with_subject, len(train))
    if with_subject < len(train):
        logger.info("the others do not say what it is: %s", "; ".join(reasons(train)))


def expect_same_photos(folder: Path, before: int, now: int) -> None:
    """Raise TrainingError unless a resumed run has as many photos to train on as before."""
    if before != now:
        raise TrainingError(
            f"{folder} was trained on {before} photos, now there are {now}: a run can only be "
            "resumed on the same data; restore it, or start over from its weights (MODEL.WEIGHTS) "
            "in an empty OUTPUT_DIR"
        )


def _teaches(record: DatasetDict, cfg: CfgNode, ids: dict[int, int]) -> bool:
    """Whether a photo has something for the parts that are trained."""
    if cfg.VX.TRAIN == "eye":
        return has_subject(record)
    if cfg.VX.TRAIN == "hints":
        return has_subject(record) or bool(class_annotations(record, ids))
    kept_empty = not cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS
    return bool(class_annotations(record, ids)) or (kept_empty and not record["annotations"])
