"""From the mask after hints, at working size, to an alpha mask of the photo."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.refine.edge import sharpen
from vx_detectron.structures import BoolArray, ByteArray, FloatArray

_MOVED = 0.25  # so far the mask must have moved to count as changed
_REACH = 4  # pixels of the mask around what has changed that are drawn again, ...
_FADE = 2.0  # ... and how softly they join the rest, in such pixels


def enlarge(
    photo: ByteArray,
    small: ByteArray,
    mask: FloatArray,
    width: float,
    before: tuple[FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """The mask at the photo's size, with an edge that follows the photo's colours.

    Args:
        photo: uint8 (H, W, 3), RGB.
        small: uint8 (h, w, 3), the photo at the mask's size.
        mask: float32 (h, w), 0..1.
        width: of the edge where the photo shows none, in pixels of the photo; 0 leaves the mask as
            soft as it is.
        before: the cut that the mask was made from, at the mask's size and as float32 (H, W).
            Where the mask is the same, the result is exactly that.

    Returns:
        float32 (H, W), 0..1.
    """
    size = photo.shape[0], photo.shape[1]
    if before is not None and not _moved(mask, before[0]).any():
        return before[1].copy()
    if size[0] < mask.shape[0] or size[1] < mask.shape[1]:
        drawn, guide = _averaged(mask, size), photo
    else:
        drawn, guide = mask, small
    if width > 0:
        alpha = sharpen(photo, guide, drawn, width)
    else:
        soft = cv2.resize(drawn, size[::-1], interpolation=cv2.INTER_LINEAR)
        alpha = np.asarray(soft, dtype=np.float32)
    if before is None:
        return alpha
    share = cv2.resize(_share(mask, before[0]), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(share > 0, before[1] + (alpha - before[1]) * share, before[1])


def _moved(mask: FloatArray, before: FloatArray) -> BoolArray:
    return np.asarray(np.abs(mask - before) > _MOVED)


def _share(mask: FloatArray, before: FloatArray) -> FloatArray:
    """How much of the new edge is taken, 0..1: 1 where the mask has moved, fading around it."""
    side = 2 * _REACH + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    grown = cv2.dilate(_moved(mask, before).astype(np.float32), kernel)
    gap = cv2.distanceTransform((grown == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.clip(1 - gap / _FADE, 0, 1), dtype=np.float32)


def _averaged(mask: FloatArray, size: tuple[int, int]) -> FloatArray:
    small = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), dtype=np.float32)
