"""Combine two sources on one subject: the mask of an instance and the learned saliency map."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.refine.distance import THRESHOLD, signed_distance
from vx_detectron.structures import BoolArray, FloatArray

# The mask is 0 wherever the box ended, right or wrong, so its certainty is trusted less.
_MASK_LIMIT = 0.05
_SALIENCY_LIMIT = 0.01


def agrees(mask: FloatArray, saliency: FloatArray) -> bool:
    """Whether the map shows this subject at all.

    It knows the photo's main subject only. When a person picks another thing, the map is low
    there and would erase the choice.

    Args:
        mask: float32 (H, W), 0..1.
        saliency: float32 (H, W), 0..1, over the same pixels.

    Returns:
        True when the map's mean over ``mask >= 0.5`` is at least 0.5; False for an empty mask.
    """
    return bool((mask >= THRESHOLD).any()) and not contradicts(mask, saliency)


def contradicts(mask: FloatArray, saliency: FloatArray) -> bool:
    """Whether the map shows something other than what the mask is sure of.

    Args:
        mask: float32 (H, W), 0..1.
        saliency: float32 (H, W), 0..1, over the same pixels.

    Returns:
        True when the map's mean over ``mask >= 0.5`` is below 0.5; False where the mask is sure of
        nothing.
    """
    inside = mask >= THRESHOLD
    return bool(inside.any()) and float(saliency[inside].mean()) < THRESHOLD


def blend(mask: FloatArray, saliency: FloatArray, weight: float) -> FloatArray:
    """Weighted mean of both log-odds, everywhere.

    For a subject that nobody picked by hand: detector and eye answer the same question, what the
    photo's main subject is, and each sees what the other misses.

    Args:
        mask: float32 (H, W), 0..1.
        saliency: float32 (H, W), 0..1, probability of "main subject" over the same pixels.
        weight: 0..1, the map's share.

    Returns:
        float32 (H, W), 0..1.

    Raises:
        ValueError: mask and map differ in shape.
    """
    _expect_same_shape(mask, saliency)
    logit = np.float32(1 - weight) * _logit(mask, _MASK_LIMIT)
    logit += np.float32(weight) * _logit(saliency, _SALIENCY_LIMIT)
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float32)


def fuse(
    mask: FloatArray,
    saliency: FloatArray,
    cell: float,
    *,
    weight: float,
    reach: float,
    trim: float,
) -> FloatArray:
    """Weighted mean of both log-odds around the mask's edge; elsewhere the mask alone.

    The map places the edge more finely. Where it would move the edge farther than its reach,
    add a part, or remove a whole one such as a leg, it shows another subject, and the
    mask stays as it is. It may reach farther inwards than outwards: what a mask holds beyond
    the subject is rarely salient, but what lies beside it often is, and something else.

    Args:
        mask: float32 (H, W), 0..1.
        saliency: float32 (H, W), 0..1, probability of "main subject" over the same pixels.
        cell: side of one cell of the mask head, in pixels of ``mask``.
        weight: 0..1, the map's share.
        reach: how far the map may move the mask's edge outwards, in cells.
        trim: how far inwards, in cells.

    Returns:
        float32 (H, W), 0..1; a copy of the mask where the two do not agree on the subject.

    Raises:
        ValueError: mask and map differ in shape.
    """
    _expect_same_shape(mask, saliency)
    if weight == 0 or not agrees(mask, saliency):
        return mask.copy()
    mean = blend(mask, saliency, weight)
    distance = np.abs(signed_distance(mask))
    farthest = np.maximum(distance, np.abs(signed_distance(mean)))
    inside, mean_inside = mask >= THRESHOLD, mean >= THRESHOLD
    strayed = _not_within(mean_inside & ~inside, farthest <= reach * cell)
    strayed |= _not_within(inside & ~mean_inside, farthest <= trim * cell)
    near = distance <= np.where(mean > mask, reach, trim) * cell
    return np.where(near & ~strayed, mean, mask)


def _expect_same_shape(mask: FloatArray, saliency: FloatArray) -> None:
    if mask.shape != saliency.shape:
        raise ValueError(
            f"saliency must have the mask's shape {mask.shape}, got {saliency.shape}: resample it"
        )


def _logit(probability: FloatArray, limit: float) -> FloatArray:
    clipped = np.clip(probability, limit, 1 - limit)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float32)


def _not_within(parts: BoolArray, where: BoolArray) -> BoolArray:
    """The connected parts that do not lie wholly within ``where``."""
    count, labels = cv2.connectedComponents(parts.astype(np.uint8), connectivity=8)
    leaves = np.zeros(count, dtype=np.bool_)
    leaves[labels[parts & ~where]] = True
    return np.asarray(leaves[labels])
