"""Hints as the maps that the hint decoder reads; the same for training and for cutting."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, FloatArray

CHANNELS = (
    "keep",
    "drop",
    "previous",
    "has_previous",
    "very near keep",
    "near keep",
    "very near drop",
    "near drop",
)
KEEP, DROP, PREVIOUS, HAS_PREVIOUS = range(4)

POINT_RADIUS = 5  # pixels of the network's input: how large a click is drawn

_REACHES = (0.06, 0.25)  # of the photo's diagonal: how far it is to where a nearness is 1 / e


def hint_maps(keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
    """The maps of some hints, at the size of the network's input.

    Args:
        keep: bool (H, W), what is marked as part of the mask: clicks as discs of
            ``POINT_RADIUS``, strokes as they are, a box not at all.
        drop: the same for what is no part of it; with a box also all outside it.
        previous: float32 (H, W), 0..1, the mask so far; None where there is none.

    Returns:
        float32 (8, H, W), 0..1, see ``CHANNELS``. A nearness is exp(-d / r), d the distance to the
        nearest mark and r a share of the diagonal; it is 0 where there is no mark at all.
    """
    maps = np.zeros((len(CHANNELS), *keep.shape), dtype=np.float32)
    maps[KEEP], maps[DROP] = keep, drop
    if previous is not None:
        maps[PREVIOUS], maps[HAS_PREVIOUS] = previous, 1.0
    diagonal = float(np.hypot(*keep.shape))
    for place, marked in ((4, keep), (6, drop)):
        if marked.any():
            distance = cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, 5)
            for number, reach in enumerate(_REACHES):
                maps[place + number] = np.exp(-distance / np.float32(reach * diagonal))
    return maps
