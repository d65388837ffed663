"""From annotated instances to the one binary mask of a photo's main subject."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vx_detectron.data.coco import Record, decode_mask

# A single annotated thing counts as the subject from this share of the photo on: a small one may
# well be a bystander among things that nobody annotated.
SMALLEST_SHARE = 0.08
# ... and the runner-up must be clearly smaller, or the two may be subjects together.
LARGEST_RIVAL = 0.4


def has_subject(record: Record) -> bool:
    """Whether the photo's annotations say what its subject is."""
    if not record["annotations"]:
        return False
    if record.get("mask_kind") == "subject":
        return True
    areas = sorted((float(a["area"]) for a in record["annotations"]), reverse=True)
    if areas[0] < SMALLEST_SHARE * record["height"] * record["width"]:
        return False
    return len(areas) == 1 or areas[1] < LARGEST_RIVAL * areas[0]


def subject_mask(record: Record) -> NDArray[np.uint8]:
    """The subject's mask, uint8 (height, width), 0 or 1; see ``has_subject``.

    A photo of kind ``subject`` keeps all its masks, any other one its largest.
    """
    height, width = record["height"], record["width"]
    annotations = record["annotations"]
    if record.get("mask_kind") != "subject":
        annotations = [max(annotations, key=lambda annotation: float(annotation["area"]))]
    mask = np.zeros((height, width), dtype=np.uint8)
    for annotation in annotations:
        mask |= decode_mask(annotation["segmentation"], height, width)
    return mask
