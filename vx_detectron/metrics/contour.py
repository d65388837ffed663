"""DAVIS's measures of a mask in a video: region J, contour F, and how steady both are."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.metrics.counts import check_masks
from vx_detectron.structures import BoolArray

_TOLERANCE = 0.008  # of the frame's diagonal, as in DAVIS's code


def contour_f(predicted: BoolArray, truth: BoolArray, tolerance: float = _TOLERANCE) -> float:
    """F of the masks' contours, 0..1.

    Perazzi et al., "A benchmark dataset and evaluation methodology for video object segmentation",
    CVPR 2016, as the authors' code approximates it: a point of one contour is right where the other
    one passes within the tolerance. Equal to it, also where a contour is empty.

    Args:
        predicted: bool (H, W).
        truth: bool (H, W).
        tolerance: as a share of the frame's diagonal, rounded up to whole pixels.

    Raises:
        ValueError: the masks differ in shape, or are not bool.
    """
    check_masks(predicted, truth)
    radius = int(np.ceil(tolerance * np.linalg.norm(truth.shape)))
    disk = _disk(radius)
    found, true = contour(predicted), contour(truth)
    if not found.any() or not true.any():
        return float(not found.any() and not true.any())
    near_true = cv2.dilate(true.astype(np.uint8), disk) > 0
    near_found = cv2.dilate(found.astype(np.uint8), disk) > 0
    precision = np.count_nonzero(found & near_true) / np.count_nonzero(found)
    recall = np.count_nonzero(true & near_found) / np.count_nonzero(true)
    both = precision + recall
    return float(2 * precision * recall / both) if both else 0.0


def contour(mask: BoolArray) -> BoolArray:
    """One pixel wide, as ``seg2bmap`` draws it: where the right, lower or next diagonal differs."""
    edge = np.zeros_like(mask)
    edge[:-1, :-1] = (
        (mask[:-1, :-1] ^ mask[:-1, 1:])
        | (mask[:-1, :-1] ^ mask[1:, :-1])
        | (mask[:-1, :-1] ^ mask[1:, 1:])
    )
    edge[-1, :-1] = mask[-1, :-1] ^ mask[-1, 1:]
    edge[:-1, -1] = mask[:-1, -1] ^ mask[1:, -1]
    return edge


def _disk(radius: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius, dtype=np.uint8)
