"""Data sets by name; also in Detectron2's catalogues, if it is installed.

A training with Detectron2 registers its photos here, for the evaluators, visualisers and hooks that
ask for data sets by name; so may scripts of one's own, with either engine.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.splits import Splits
from vx_detectron.errors import DataError

TRAIN, VAL, TEST = "vx_train", "vx_val", "vx_test"

_XYWH_ABS = 1  # detectron2.structures.BoxMode.XYWH_ABS


class Registered(NamedTuple):
    """What stands under a name."""

    records: list[DatasetDict]
    categories: Categories


_registered: dict[str, Registered] = {}


def register(name: str, records: list[DatasetDict], categories: Categories) -> None:
    """Let a name stand for some records; from now on, if it stood for others.

    Where Detectron2 is installed, its ``DatasetCatalog`` and ``MetadataCatalog`` know the name
    too. They give the records as Detectron2 has them: see ``to_detectron2``.
    """
    _registered[name] = Registered(records, categories)
    if find_spec("detectron2") is not None:
        _register_in_detectron2(name)


def register_splits(splits: Splits, categories: Categories) -> None:
    """Let ``vx_train``, ``vx_val`` and ``vx_test`` stand for the parts of a data set."""
    for name, records in zip((TRAIN, VAL, TEST), splits, strict=True):
        register(name, records, categories)


def get(name: str) -> Registered:
    """What was registered under a name.

    Raises:
        DataError: nothing was.
    """
    if name not in _registered:
        known = ", ".join(_registered) or "none"
        raise DataError(f"no data set is registered as {name!r}; known names: {known}")
    return _registered[name]


def to_detectron2(record: DatasetDict, categories: Categories) -> DatasetDict:
    """The record with contiguous ``category_id`` and ``bbox_mode``, and without bare subjects."""
    class_ids = categories.class_ids
    annotations: list[dict[str, Any]] = [
        {**one, "category_id": class_ids[one["category_id"]], "bbox_mode": _XYWH_ABS}
        for one in record["annotations"]
        if one["category_id"] in class_ids
    ]
    return {**record, "annotations": annotations}


def _register_in_detectron2(name: str) -> None:
    from detectron2.data import DatasetCatalog, MetadataCatalog

    records, categories = _registered[name]
    if name in DatasetCatalog:
        DatasetCatalog.remove(name)
        MetadataCatalog.pop(name, None)  # it is made when it is first asked for
    DatasetCatalog.register(name, lambda: [to_detectron2(one, categories) for one in records])
    MetadataCatalog.get(name).set(
        evaluator_type="coco",
        thing_classes=list(categories.class_names),
        thing_dataset_id_to_contiguous_id=categories.class_ids,
    )
