"""Hints as the input maps of the hint decoder; the same for training and for cutting."""

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
NEAR_KEEP, NEAR_DROP = 5, 7

POINT_RADIUS = 5  # pixels of the network's input: how large a click is drawn

_POINT_PIXELS = 2  # a mark of at most so many is a point
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


def marks_at(
    keep: BoolArray, drop: BoolArray, size: tuple[int, int]
) -> tuple[BoolArray, BoolArray]:
    """Marks of another size, at that of the network's input: points as discs, strokes as they are.

    Args:
        keep: bool (H, W), marked as part of what is meant; a point is one pixel.
        drop: bool (H, W), marked as no part of it.
        size: height and width of the network's input, in pixels.

    Returns:
        ``keep`` and ``drop``, bool (height, width), nowhere both.
    """
    kept, dropped = _resized(keep, size), _resized(drop, size)
    near_kept, near_dropped = kept | _discs(keep, size), dropped | _discs(drop, size)
    dropped = (near_dropped & ~near_kept) | dropped
    return ((near_kept & ~near_dropped) | kept) & ~dropped, dropped


def _resized(marks: BoolArray, size: tuple[int, int]) -> BoolArray:
    """The marks at another size, where none of them gets lost."""
    if marks.shape == size:
        return marks
    resized = cv2.resize(marks.view(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
    rows, columns = np.nonzero(marks)
    resized[rows * size[0] // marks.shape[0], columns * size[1] // marks.shape[1]] = True
    return np.asarray(resized, dtype=np.bool_)


def _discs(marks: BoolArray, size: tuple[int, int]) -> BoolArray:
    """A disc around each mark that is a point."""
    discs = np.zeros(size, dtype=np.uint8)
    _, _, stats, centres = cv2.connectedComponentsWithStats(marks.view(np.uint8))
    points = centres[1:][stats[1:, cv2.CC_STAT_AREA] <= _POINT_PIXELS]
    for x, y in points:
        column, row = ((x + 0.5) * size[1] / marks.shape[1], (y + 0.5) * size[0] / marks.shape[0])
        cv2.circle(discs, (int(column), int(row)), POINT_RADIUS, 1, -1)
    return discs > 0
