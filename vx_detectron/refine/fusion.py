"""Two witnesses of one subject: the mask of an instance and the learned saliency map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.refine.distance import THRESHOLD, signed_distance

FloatArray = NDArray[np.float32]

# The mask is 0 wherever the box ended, right or wrong, so its certainty is trusted less.
_MASK_LIMIT = 0.05
_SALIENCY_LIMIT = 0.01


def agrees(mask: FloatArray, saliency: FloatArray) -> bool:
    """Whether the map speaks of this subject at all.

    It knows the photo's main subject only. When a person picks another thing, the map is low
    there and would erase the choice.

    Args:
        mask: float32 (H, W), 0..1.
        saliency: float32 (H, W), 0..1, over the same pixels.

    Returns:
        True when the map's mean over ``mask >= 0.5`` is at least 0.5; False for an empty mask.
    """
    inside = mask >= THRESHOLD
    return bool(inside.any()) and float(saliency[inside].mean()) >= THRESHOLD


def fuse(
    mask: FloatArray, saliency: FloatArray, cell: float, *, weight: float, reach: float
) -> FloatArray:
    """Weighted mean of both log-odds in and around the mask; far away the mask alone.

    The map sharpens the edge and adds missed parts that are connected to the mask and lie
    within its reach. It never adds another object.

    Args:
        mask: float32 (H, W), 0..1.
        saliency: float32 (H, W), 0..1, probability of "main subject" over the same pixels.
        cell: side of one cell of the mask head, in pixels of ``mask``.
        weight: 0..1, the map's share.
        reach: how far beyond the mask's edge the map is heard, in cells.

    Returns:
        float32 (H, W), 0..1; a copy of the mask where both do not agree on the subject.

    Raises:
        ValueError: mask and map differ in shape.
    """
    if mask.shape != saliency.shape:
        raise ValueError(
            f"saliency must have the mask's shape {mask.shape}, got {saliency.shape}: resample it"
        )
    if weight == 0 or not agrees(mask, saliency):
        return mask.copy()
    logit = (1 - weight) * _logit(mask, _MASK_LIMIT) + weight * _logit(saliency, _SALIENCY_LIMIT)
    mean = 1 / (1 + np.exp(-logit))
    heard = signed_distance(mask) >= -reach * cell
    fused = np.where(heard, mean, mask).astype(np.float32)
    stray = _unconnected(fused >= THRESHOLD, mask >= THRESHOLD)
    return np.where(stray, mask, fused).astype(np.float32)


def _logit(probability: FloatArray, limit: float) -> FloatArray:
    clipped = np.clip(probability, limit, 1 - limit)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float32)


def _unconnected(parts: NDArray[np.bool_], seed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts that do not touch the seed."""
    _, labels = cv2.connectedComponents(parts.astype(np.uint8), connectivity=8)
    touched = np.unique(labels[parts & seed])
    return np.asarray(parts & ~np.isin(labels, touched))
