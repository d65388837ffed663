"""Cleaning of a mask: specks go, false holes close, real holes stay."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.refine.distance import THRESHOLD
from vx_detectron.structures import BoolArray, FloatArray, IntArray


def clean(mask: FloatArray, cell: float, *, speck_fraction: float, hole_cells: float) -> FloatArray:
    """Remove specks and fill small holes.

    A part is a speck when it is small compared with the largest part, so that every member of a
    group stays. A hole is false when the mask head could not have seen it: smaller than about a
    cell. Only its size decides: on photos with true masks, neither the saliency in a hole nor the
    similarity of its colours to the subject's separated false holes from real ones. Background
    that touches the border of the picture is never a hole.

    Args:
        mask: float32 (H, W), 0..1; 0.5 is the edge.
        cell: side of one cell of the mask head, in pixels of ``mask``.
        speck_fraction: parts smaller than this share of the largest part are removed.
        hole_cells: holes of fewer than this many cells (areas) are filled.

    Returns:
        float32 (H, W), 0..1. Untouched regions keep their softness.
    """
    inside = mask >= THRESHOLD
    kept = inside & ~_small_parts(inside, speck_fraction)
    solid = kept | _small_holes(kept, hole_cells * cell**2)
    return _carry_over(mask, inside, solid, cell)


def _small_parts(inside: BoolArray, fraction: float) -> BoolArray:
    """Eight-connected parts below that share of the largest one."""
    labels, areas = _label(inside, connectivity=8)
    if len(areas) <= 2:  # one part at most
        return np.zeros_like(inside)
    small = areas < fraction * areas[1:].max()
    small[0] = False
    return np.asarray(small[labels])


def _small_holes(inside: BoolArray, limit: float) -> BoolArray:
    """Four-connected enclosed background of an area below ``limit`` pixels."""
    labels, areas = _label(~inside, connectivity=4)
    small = areas < limit
    small[0] = False
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        small[border] = False
    return np.asarray(small[labels])


def _label(where: BoolArray, connectivity: int) -> tuple[NDArray[np.int32], IntArray]:
    """Labels (H, W) of the connected parts, 0 where false, and the area of each label."""
    # Counting them here is faster than OpenCV's own statistics.
    count, labels = cv2.connectedComponents(where.view(np.uint8), connectivity=connectivity)
    return np.asarray(labels), np.bincount(labels.ravel(), minlength=count)


def _carry_over(mask: FloatArray, inside: BoolArray, solid: BoolArray, cell: float) -> FloatArray:
    """The soft mask with its removed and filled parts, each with its soft skirt, set to 0 and 1."""
    reach = 2 * int(np.ceil(cell)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    cleaned = mask.copy()
    for changed, value in ((inside & ~solid, 0.0), (solid & ~inside, 1.0)):
        if changed.any():
            skirt = cv2.dilate(changed.view(np.uint8), kernel) > 0
            # A skirt ends where another part begins: it never eats into what stays.
            cleaned[skirt & (solid == bool(value))] = value
    return cleaned
