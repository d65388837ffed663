"""The boxes around what can be seen of a subject."""

from __future__ import annotations

import numpy as np

from vx_detectron.deliver.checks import check_alpha
from vx_detectron.structures import FloatArray

Box = tuple[int, int, int, int]


def visible_box(alpha: FloatArray) -> Box | None:
    """The tight box around everything visible: x0, y0, x1, y1, the last two exclusive.

    Args:
        alpha: float32 (H, W), 0..1.

    Returns:
        None when nothing is visible.
    """
    visible = alpha >= 0.5 / 255  # what a picture of 256 levels can show
    columns, rows = (np.flatnonzero(visible.any(axis=axis)) for axis in (0, 1))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def space_around(box: Box, margin: float) -> float:
    """The margin of a box in pixels: a share of its longer side."""
    return margin * max(box[2] - box[0], box[3] - box[1])


def crop_box(alpha: FloatArray, margin: float = 0.0) -> Box:
    """The box around everything visible.

    Args:
        alpha: float32 (H, W), 0..1.
        margin: space around it, as a share of its longer side, 0 or more.

    Returns:
        x0, y0, x1, y1 in whole pixels, x1 and y1 exclusive, within the photo. The whole photo
        when nothing is visible.

    Raises:
        ValueError: alpha of another shape, dtype or range, or a negative margin.
    """
    check_alpha(alpha)
    check_margin(margin)
    height, width = alpha.shape
    box = visible_box(alpha)
    if box is None:
        return 0, 0, width, height
    x0, y0, x1, y1 = box
    space = round(space_around(box, margin))
    return max(x0 - space, 0), max(y0 - space, 0), min(x1 + space, width), min(y1 + space, height)


def check_margin(margin: float) -> None:
    """Raise ValueError unless the margin is a finite share, 0 or more."""
    if not 0 <= margin < np.inf:
        raise ValueError(f"margin must be 0 or more, as a share of the subject, got {margin!r}")
