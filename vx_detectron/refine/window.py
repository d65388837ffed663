"""The part of a picture around what matters, so that no work is spent on the rest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Window = tuple[slice, slice]


def surroundings(where: NDArray[np.bool_], margin: float) -> Window | None:
    """Rows and columns of all true pixels with a margin around them.

    Args:
        where: bool (H, W).
        margin: in pixels, rounded up; cut off at the border.

    Returns:
        Two slices that index the rows and columns; None when nothing is true.
    """
    spans = []
    for axis, length in ((1, where.shape[0]), (0, where.shape[1])):
        hits = np.flatnonzero(where.any(axis=axis))
        if not len(hits):
            return None
        space = math.ceil(margin)
        start, stop = int(hits[0]) - space, int(hits[-1]) + 1 + space
        spans.append(slice(max(start, 0), min(stop, length)))
    return spans[0], spans[1]
