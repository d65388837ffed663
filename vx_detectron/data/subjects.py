"""From annotated instances to the one binary mask of a photo's main subject."""

from __future__ import annotations

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.segmentation import decode_mask, to_rle
from vx_detectron.rle import Rle, merge_masks
from vx_detectron.structures import ByteArray

# A single annotated thing counts as the subject from this share of the photo on: a small one may
# well be a bystander among things that nobody annotated.
SMALLEST_SHARE = 0.08
# ... and the runner-up must be clearly smaller, or the two may be subjects together.
LARGEST_RIVAL = 0.4


def has_subject(record: DatasetDict) -> bool:
    """Whether the photo's annotations say what its subject is."""
    return why_no_subject(record) is None


def why_no_subject(record: DatasetDict) -> str | None:
    """Why the annotations do not say what the subject is; None where they do.

    A photo of kind ``subject`` has one wherever it has a mask. In any other one it is the largest
    thing, if that is no crowd, not small, and without a rival.
    """
    annotations = sorted(record["annotations"], key=lambda one: float(one["area"]), reverse=True)
    if not annotations:
        return "nothing is annotated"
    if record.get("mask_kind") == "subject":
        return None
    largest, *others = annotations
    if largest.get("iscrowd", 0):
        return "the largest is a crowd"
    if float(largest["area"]) < SMALLEST_SHARE * record["height"] * record["width"]:
        return "the largest is small"
    if others and float(others[0]["area"]) >= LARGEST_RIVAL * float(largest["area"]):
        return "the largest has a rival"
    return None


def subject_mask(record: DatasetDict) -> ByteArray:
    """The subject's mask, uint8 (height, width), 0 or 1; see ``has_subject``.

    A photo of kind ``subject`` keeps all its masks, any other one its largest.
    """
    return decode_mask(subject_rle(record), record["height"], record["width"])


def subject_rle(record: DatasetDict) -> Rle:
    """``subject_mask`` as compressed RLE."""
    height, width = record["height"], record["width"]
    annotations = record["annotations"]
    if record.get("mask_kind") != "subject":
        annotations = [max(annotations, key=lambda annotation: float(annotation["area"]))]
    return merge_masks([to_rle(one["segmentation"], height, width) for one in annotations])
