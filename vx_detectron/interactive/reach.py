"""How far a hint reaches: only the connected change that contains it."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, FloatArray

_THRESHOLD = 0.5
_KERNEL = np.ones((3, 3), dtype=np.uint8)


def within_reach(
    before: FloatArray, after: FloatArray, keep: BoolArray, drop: BoolArray
) -> FloatArray:
    """The mask before some hints, changed only where they ask for it.

    A part that comes in must hold something to keep, and one that goes out something to drop; as
    in FocalClick's progressive merge (Chen et al., CVPR 2022), what else the segmenter would
    change stays as it was. Parts that hang together by a ribbon of a pixel or two, as along an
    edge that moves, are not connected.

    Args:
        before: float32 (H, W), 0..1.
        after: float32 (H, W), 0..1, what the segmenter makes of the hints.
        keep: bool (H, W), what these hints mark as part of the cut.
        drop: bool (H, W), what they mark as no part of it.

    Returns:
        float32 (H, W), 0..1: ``after`` on the parts that change, ``before`` elsewhere.
    """
    inside, inside_after = before >= _THRESHOLD, after >= _THRESHOLD
    changed = _holding(inside_after & ~inside, keep) | _holding(inside & ~inside_after, drop)
    near = cv2.dilate(changed.astype(np.uint8), _KERNEL) > 0
    taken = changed | (near & (inside == inside_after))
    return np.where(taken, after, before)


def _holding(parts: BoolArray, marks: BoolArray) -> BoolArray:
    """The connected parts that hold a mark."""
    if not (parts & marks).any():
        return np.zeros_like(parts)
    thick = cv2.morphologyEx(parts.astype(np.uint8), cv2.MORPH_OPEN, _KERNEL)
    thick[parts & marks] = 1
    _, labels = cv2.connectedComponents(thick, connectivity=8)
    wanted = np.unique(labels[marks & (thick > 0)])
    held = np.isin(labels, wanted[wanted > 0]).astype(np.uint8)
    return np.asarray((cv2.dilate(held, _KERNEL) > 0) & parts)
