"""From annotated instances to the one binary mask of a photo's main subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fvcore.common.config import CfgNode

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.segmentation import decode_mask, to_rle
from vx_detectron.errors import DataError
from vx_detectron.rle import Rle, merge_masks
from vx_detectron.structures import ByteArray

NOTHING, CROWD, SMALL, RIVAL = (
    "nothing is annotated",
    "the largest is a crowd",
    "the largest is small",
    "the largest has a rival",
)
REMEDIES = {
    SMALL: "VX.DATA.SUBJECT.MIN_SHARE",
    RIVAL: "VX.DATA.SUBJECT.MAX_RIVAL, or VX.DATA.SUBJECT.RULE all",
    CROWD: "iscrowd in the annotations",
}
"""What to change so that photos with a reason have a subject."""


@dataclass(frozen=True)
class SubjectRule:
    """Which annotations are a photo's subject, where the photo does not say so itself.

    Attributes:
        everything: all of them together; else the largest, if it is large and has no rival.
        categories: ids of the classes that may be the subject; None for any.
        min_share: a largest thing below this share of the photo is no subject: it may well be a
            bystander among things that nobody annotated.
        max_rival: the second largest must be smaller than this share of the largest, or the two
            may be subjects together; 1 asks for nothing.
    """

    everything: bool = False
    categories: frozenset[int] | None = None
    min_share: float = 0.08
    max_rival: float = 0.4


DEFAULT = SubjectRule()


def rule_of(cfg: CfgNode, categories: Categories) -> SubjectRule:
    """The rule of ``VX.DATA.SUBJECT``.

    Raises:
        DataError: it names a class that the data does not have.
    """
    node = cfg.VX.DATA.SUBJECT
    allowed = None
    if node.CLASSES:
        ids = {name: number for number, name in categories.names.items()}
        if unknown := [name for name in node.CLASSES if name not in ids]:
            raise DataError(
                f"VX.DATA.SUBJECT.CLASSES names {', '.join(unknown)}, but the data has "
                f"{', '.join(ids) or 'no classes'}"
            )
        allowed = frozenset(ids[name] for name in node.CLASSES)
    return SubjectRule(node.RULE == "all", allowed, node.MIN_SHARE, node.MAX_RIVAL)


def mark_subjects(records: Iterable[DatasetDict], rule: SubjectRule) -> None:
    """Write into each record what the rule says of its subject; see ``has_subject``."""
    for record in records:
        record["subject_annotations"] = find_subject(record, rule)


def find_subject(record: DatasetDict, rule: SubjectRule = DEFAULT) -> tuple[int, ...] | str:
    """The positions of the annotations that make up the subject, or why there are none.

    Annotations marked as the subject come first. A photo of kind ``subject`` has one wherever it
    has a mask.
    """
    annotations = record["annotations"]
    marked = tuple(place for place, one in enumerate(annotations) if one.get("subject"))
    if marked:
        return marked
    if not annotations:
        return NOTHING
    if record.get("mask_kind") == "subject":
        return tuple(range(len(annotations)))
    places = [
        place
        for place, one in enumerate(annotations)
        if rule.categories is None or one.get("category_id") in rule.categories
    ]
    if not places:
        return "none of VX.DATA.SUBJECT.CLASSES is annotated"
    if rule.everything:
        things = tuple(place for place in places if not annotations[place].get("iscrowd", 0))
        return things or CROWD
    return _largest(record, annotations, places, rule)


def _largest(
    record: DatasetDict,
    annotations: Sequence[dict[str, Any]],
    places: Sequence[int],
    rule: SubjectRule,
) -> tuple[int, ...] | str:
    def area(place: int) -> float:
        return float(annotations[place]["area"])

    largest, *others = sorted(places, key=area, reverse=True)
    if annotations[largest].get("iscrowd", 0):
        return CROWD
    if area(largest) < rule.min_share * record["height"] * record["width"]:
        return SMALL
    limit = rule.max_rival * area(largest)
    if rule.max_rival < 1 and others and area(others[0]) >= limit:
        return RIVAL
    return (largest,)


def has_subject(record: DatasetDict) -> bool:
    """Whether the photo's annotations say what its subject is."""
    return why_no_subject(record) is None


def why_no_subject(record: DatasetDict) -> str | None:
    """Why the annotations do not say what the subject is; None where they do.

    By the rule of ``mark_subjects``, or ``DEFAULT`` where that was not called.
    """
    found = _found(record)
    return found if isinstance(found, str) else None


def reasons(records: Iterable[DatasetDict]) -> list[str]:
    """For the photos without a subject, how many have each reason, and the key that changes it."""
    counts = Counter(reason for one in records if (reason := why_no_subject(one)))
    return [
        f"{reason}: {count}" + (f" (see {REMEDIES[reason]})" if reason in REMEDIES else "")
        for reason, count in counts.most_common()
    ]


def subject_mask(record: DatasetDict) -> ByteArray:
    """The subject's mask, uint8 (height, width), 0 or 1, of a photo that has one."""
    return decode_mask(subject_rle(record), record["height"], record["width"])


def subject_rle(record: DatasetDict) -> Rle:
    """``subject_mask`` as compressed RLE."""
    found = _found(record)
    if isinstance(found, str):
        raise ValueError(f"{record.get('file_name')} has no known subject: {found}")
    height, width = record["height"], record["width"]
    masks = [record["annotations"][place]["segmentation"] for place in found]
    return merge_masks([to_rle(mask, height, width) for mask in masks])


def _found(record: DatasetDict) -> tuple[int, ...] | str:
    found = record.get("subject_annotations")
    return find_subject(record) if found is None else found
