"""Boundary IoU: it sees the edge where IoU sees the area."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.metrics.counts import check_masks, count
from vx_detectron.structures import BoolArray


def boundary_iou(predicted: BoolArray, truth: BoolArray, dilation: float = 0.02) -> float:
    """IoU of the masks' inner borders, 0..1.

    Cheng et al., "Boundary IoU", CVPR 2021; the width of the border is ``dilation`` times the
    diagonal, the photo's border counts as an edge, as in the authors' code.

    Args:
        predicted: bool (H, W).
        truth: bool (H, W).
        dilation: width of the border, as a share of the photo's diagonal.

    Raises:
        ValueError: the masks differ in shape, or are not bool.
    """
    check_masks(predicted, truth)
    width = max(1, round(dilation * float(np.hypot(*truth.shape))))
    return count(_inner_border(predicted, width), _inner_border(truth, width)).iou


def _inner_border(mask: BoolArray, width: int) -> BoolArray:
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), dtype=np.uint8), iterations=width)
    border: BoolArray = mask & (eroded[1:-1, 1:-1] == 0)
    return border
