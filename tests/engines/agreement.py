"""How far two sets of detections of one photo are apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vx_detectron.structures import Instances, paste_mask

UNDECIDED = 1e-3  # as far as probabilities may be apart


class Found(NamedTuple):
    """Detections in pixels of the photo."""

    boxes: NDArray[np.float32]  # (N, 4)
    scores: NDArray[np.float32]  # (N,)
    classes: NDArray[np.int64]  # (N,)
    masks: NDArray[np.bool_]  # (N, H, W)
    undecided: NDArray[np.bool_] | bool = False  # (N, H, W), where the probability is nearly 0.5


class Agreement(NamedTuple):
    """The worst of all pairs: pixels, score, IoU; and how many pairs.

    In the IoU undecided pixels and one more of each mask are free, for where a probability is 0.5,
    rounding decides; and boxes of less than two pixels a side are left out, whose masks hang on the
    last bits of the box.
    """

    boxes: float
    scores: float
    masks: float
    count: int


def of_instances(instances: Instances) -> Found:
    """An engine's answer, its masks pasted as Detectron2 does, which fades them at the frame."""
    masks = np.zeros((len(instances), *instances.image_size), dtype=bool)
    undecided = np.zeros_like(masks)
    for index in range(len(instances)):
        grid, box = instances.mask_grids[index], instances.boxes[index]
        soft = paste_mask(grid, box, instances.image_size)
        masks[index], undecided[index] = soft >= 0.5, np.abs(soft - 0.5) < UNDECIDED
    return Found(instances.boxes, instances.scores, instances.classes, masks, undecided)


def of_arrays(arrays: dict[str, NDArray[Any]], width: int) -> Found:
    """What ``detectron2_reference.network`` gives, for a photo of that width."""
    masks = np.unpackbits(arrays["masks"], axis=2, count=width).astype(bool)
    return Found(arrays["boxes"], arrays["scores"], arrays["classes"], masks)


def agreement(one: Found, other: Found) -> Agreement:
    """Pair the detections by class and box, since equal scores have no order; then compare.

    Raises:
        AssertionError: they are not as many, or not of the same classes.
    """
    assert len(one.scores) == len(other.scores), (len(one.scores), len(other.scores))
    assert sorted(one.classes) == sorted(other.classes)
    if not len(one.scores):
        return Agreement(0.0, 0.0, 1.0, 0)
    distance = np.abs(one.boxes[:, None] - other.boxes[None]).max(axis=2)
    distance = distance + 1e6 * (one.classes[:, None] != other.classes[None])
    rows, columns = linear_sum_assignment(distance)
    scores = np.abs(one.scores[rows] - other.scores[columns])
    own, its, free = one.masks[rows], other.masks[columns], np.zeros_like(one.masks)
    for found, order in ((one, rows), (other, columns)):
        if isinstance(found.undecided, np.ndarray):
            free |= found.undecided[order]
    own = np.where(free, its, own)
    both, either = (own & its).sum(axis=(1, 2)), (own | its).sum(axis=(1, 2))
    wide = (one.boxes[rows, 2:] - one.boxes[rows, :2]).min(axis=1) >= 2
    overlap = np.where(wide, np.minimum((both + 1) / np.maximum(either, 1), 1.0), 1.0)
    return Agreement(
        float(distance[rows, columns].max()), float(scores.max()), float(overlap.min()), len(rows)
    )


def agrees(found: Agreement) -> bool:
    """Whether two engines may call themselves the same."""
    return found.boxes < 0.5 and found.scores < 1e-3 and found.masks > 0.99
