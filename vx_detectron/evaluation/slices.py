"""Kinds of photos, by what their true mask looks like; figures differ between them."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.config.class_names import COCO
from vx_detectron.structures import BoolArray

NONE = "none"
OTHER = "other"
_KINDS = {
    "person": ("person",),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra",
               "giraffe"),
    "vehicle": ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    "food": ("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza",
             "donut", "cake"),
    "plant": ("potted plant",),
    "sign": ("traffic light", "stop sign"),
}  # fmt: skip
_KIND_OF = {
    **dict.fromkeys(COCO, "thing"),
    **{name: kind for kind, names in _KINDS.items() for name in names},
}
_SMALL, _LARGE = 0.05, 0.20  # shares of the photo
_PIECE = 0.01  # share of the mask from which a connected part counts as a piece
_NEAR, _FAR = 0.1, 0.2  # distance to the photo's centre, in photo sides along each axis


def size_slice(mask: BoolArray) -> str:
    """How much of the photo a mask covers."""
    share = float(mask.mean())
    if share < _SMALL:
        return f"under {_SMALL:.0%}"
    return f"{_SMALL:.0%} to {_LARGE:.0%}" if share < _LARGE else f"{_LARGE:.0%} and more"


def border_slice(mask: BoolArray) -> str:
    """How many of the photo's four sides a mask touches."""
    sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    touched = sum(bool(side.any()) for side in sides)
    return f"touches {touched}" if touched < 2 else "touches 2 or more"


def pieces_slice(mask: BoolArray) -> str:
    """How many connected parts a mask has, specks aside."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    pieces = int((areas >= _PIECE * areas.sum()).sum())
    return str(pieces) if pieces < 3 else "3 or more"


def centrality_slice(mask: BoolArray) -> str:
    """How far a mask's centroid lies from the photo's centre."""
    if not mask.any():
        return NONE
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    y, x = (rows.mean() + 0.5) / height - 0.5, (columns.mean() + 0.5) / width - 0.5
    distance = float(np.hypot(y, x))
    return "central" if distance < _NEAR else "off centre" if distance < _FAR else "aside"


def kind_slice(category: str) -> str:
    """What kind of thing a COCO class is; ``other`` for any other class, ``none`` for none."""
    return _KIND_OF.get(category, OTHER) if category else NONE


def mask_slices(mask: BoolArray, category: str, seen: str = "") -> dict[str, str]:
    """The kinds that a photo belongs to, by the name of the way of slicing.

    Args:
        mask: of its subject.
        category: of its subject, as the truth has it; empty where it does not say.
        seen: what the pipeline took it for, which decides on the kind where the truth is silent.
    """
    known = category if category in COCO else seen
    return {
        "size": size_slice(mask),
        "border": border_slice(mask),
        "pieces": pieces_slice(mask),
        "centrality": centrality_slice(mask),
        "kind": kind_slice(known),
        "category": category or NONE,
    }
