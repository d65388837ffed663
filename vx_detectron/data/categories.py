"""COCO's categories and the contiguous classes that a network learns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vx_detectron.data.notes import Notes
from vx_detectron.errors import DataError
from vx_detectron.structures import SUBJECT_ID

SUBJECT_NAME = "subject"
"""Of the category that marks the subject; see ``SUBJECT_ID``."""

DatasetDict = dict[str, Any]
"""A photo and its annotations in Detectron2's dataset-dict format; see ``coco.read_coco``."""


@dataclass(frozen=True)
class Categories:
    """The classes of a data set: class 0 is the category with the least id, as in Detectron2.

    Attributes:
        names: category id to name, without those that mark the subject.
        subject_ids: the categories that say "the subject, kind not given" and are never a class.
        aliases: ids of further categories with the name of a class, to the id of that class.
    """

    names: Mapping[int, str]
    subject_ids: frozenset[int] = frozenset({SUBJECT_ID})
    aliases: Mapping[int, int] = field(default_factory=dict)

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
        return category in self.subject_ids or category in self.names

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


def read_categories(entries: Sequence[Any], used: Set[int], notes: Notes) -> Categories:
    """From the ``categories`` of a COCO json.

    The category named ``subject`` marks the subject, whatever its id; ``SUBJECT_ID`` does so too
    where no class has it. A root that only groups others, as Roboflow writes it, is not a class.

    Args:
        entries: as the file has them.
        used: the category ids that annotations have.
        notes: what is worth knowing is added to them.

    Raises:
        DataError: an entry without an ``id`` or a text ``name``, or an id that two have.
    """
    named: dict[int, str] = {}
    parents: dict[int, Any] = {}
    for entry in entries:
        number = number_of(entry.get("id")) if isinstance(entry, dict) else None
        name = entry.get("name") if isinstance(entry, dict) else None
        if number is None or not isinstance(name, str) or not name:
            raise DataError(f"a category needs an 'id' and a 'name', got {entry!r:.80}")
        if number in named:
            raise DataError(f"two categories share the id {number}: {named[number]!r} and {name!r}")
        named[number], parents[number] = name, entry.get("supercategory")
    subjects = {number for number, name in named.items() if name.casefold() == SUBJECT_NAME}
    for number in sorted(subjects - {SUBJECT_ID}):
        notes.add(f"the category {SUBJECT_NAME!r} marks the subject and is not a class", number)
    names: dict[int, str] = {}
    aliases: dict[int, int] = {}
    for number, name in sorted(named.items()):
        others = {parents[one] for one in named if one != number}
        if number in subjects:
            continue
        if number not in used and parents[number] == "none" and name in others:
            notes.add("categories that only group others and are not classes", name)
        elif name in names.values():
            aliases[number] = next(one for one, known in names.items() if known == name)
            notes.add("categories with the same name, treated as one", name)
        else:
            names[number] = name
    implied = {SUBJECT_ID} - named.keys()
    return Categories(names, frozenset(subjects | implied), aliases)


def number_of(value: Any) -> int | None:
    """An id as a whole number: 7, 7.0 and "7" are 7, other texts a number made from them."""
    if isinstance(value, str) and value and not value.lstrip("-").isdecimal():
        return number_from(value)
    return whole(value)


def number_from(text: str) -> int:
    """A number, 0 or more, that stands for a text; always the same one."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def whole(value: Any) -> int | None:
    """A whole number, however it is written: 384, 384.0 or "384"; None for anything else."""
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None
