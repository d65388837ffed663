"""COCO's categories and the contiguous classes that a network learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vx_detectron.errors import DataError
from vx_detectron.structures import SUBJECT_ID

DatasetDict = dict[str, Any]
"""A photo and its annotations in Detectron2's dataset-dict format; see ``coco.read_coco``."""


@dataclass(frozen=True)
class Categories:
    """The classes of a data set: class 0 is the category with the least id, as in Detectron2.

    Attributes:
        names: category id to name, without ``SUBJECT_ID``.
    """

    names: Mapping[int, str]

    @cached_property
    def class_ids(self) -> dict[int, int]:
        """Category id to contiguous class, 0..K-1."""
        return {category: number for number, category in enumerate(sorted(self.names))}

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes 0..K-1."""
        return tuple(self.names[category] for category in sorted(self.names))

    def knows(self, category: Any) -> bool:
        """Whether annotations may be of this category."""
        return category == SUBJECT_ID or category in self.names

    def complete(self, record: DatasetDict) -> bool:
        """Whether every object of every class is annotated in the photo; see ``is_complete``."""
        return is_complete(record, self.names)


def is_complete(record: DatasetDict, classes: Iterable[int]) -> bool:
    """Whether every object of these categories is annotated in the photo.

    So it is, unless its masks are of the subject only (``mask_kind``), or it lists the
    ``annotated_categories`` and some class is not among them. Where it is not, what has no
    annotation is unknown, not background.
    """
    if record.get("mask_kind") == "subject":
        return False
    annotated = record.get("annotated_categories")
    return annotated is None or set(classes) <= set(annotated)


def read_categories(entries: Iterable[Any]) -> Categories:
    """From the ``categories`` of a COCO json.

    Raises:
        DataError: an entry without a whole number ``id`` or a text ``name``; an id or a name
            that two have.
    """
    names: dict[int, str] = {}
    for entry in entries:
        number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (0, 0)
        if number == SUBJECT_ID:
            continue
        if type(number) is not int or not isinstance(name, str) or not name:
            raise DataError(f"a category needs a number 'id' and a 'name', got {entry!r:.80}")
        if number in names or name in names.values():
            raise DataError(f"two categories have the id {number} or the name {name!r}")
        names[number] = name
    return Categories(names)
