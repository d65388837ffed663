"""What speaks for each instance as the main subject: a few numbers 0..1, from thumbnails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.records import FloatArray, Instances

BoolArray = NDArray[np.bool_]

THUMBNAIL_SIDE = 256
_FULL_SIZE = 0.7  # square root of the area share from which size counts as full
_RING = 0.15  # width of the ring around a mask, as a share of its square root of area
_EDGE = 0.012  # how near to the photo's border counts as on it, as a share of the long side
_BOTTOM = 0.3  # the lower border cuts nearly every portrait, so it counts less


@dataclass(frozen=True, eq=False)
class Features:
    """The instances of one photo as the ranking and the grouping see them, in their order.

    Attributes:
        labels: class name of each instance.
        values: the five features of each instance, 0..1, see ``measure``.
        boxes: float32 (N, 4), as in ``Instances``.
        masks: bool (N, h, w), the masks above 0.5 on a thumbnail of at most 256 px.
        areas: float32 (N,), share of the photo each mask covers.
    """

    labels: tuple[str, ...]
    values: tuple[Mapping[str, float], ...]
    boxes: FloatArray
    masks: BoolArray
    areas: FloatArray

    def __len__(self) -> int:
        return len(self.labels)


def measure(instances: Instances, saliency: FloatArray) -> Features:
    """Measure every instance.

    The features, all 0..1:

    - ``saliency``: mean saliency inside the mask minus the mean in a ring around it, at least 0.
    - ``size``: square root of the share of the photo the mask covers, full at about half of it.
    - ``centrality``: exp(-4 d^2), d from the mask's centroid to the photo's centre, in photo
      sides along each axis.
    - ``confidence``: the detection score.
    - ``border``: 1 minus the share of the mask's outline on the photo's border, where the lower
      border counts less.

    An instance too small for the thumbnail has saliency and size 0 and its box for centroid.

    Args:
        instances: what was found.
        saliency: float32 (h, w), 0..1, over the whole photo, any resolution.

    Returns:
        The features, in the order of the instances.
    """
    size = thumbnail_size(instances.image_size)
    masks = binary_masks(instances, size)
    salient = _unit(cv2.resize(_unit(saliency), size[::-1], interpolation=cv2.INTER_LINEAR))
    confidence = _unit(instances.scores)
    values = tuple(
        {
            "saliency": _contrast(mask, salient),
            "size": min(1.0, float(np.sqrt(mask.mean())) / _FULL_SIZE),
            "centrality": _centrality(_centroid(mask, box, instances.image_size)),
            "confidence": float(score),
            "border": _border(mask),
        }
        for mask, box, score in zip(masks, instances.boxes, confidence, strict=True)
    )
    return Features(
        labels=tuple(instances.label(index) for index in range(len(instances))),
        values=values,
        boxes=instances.boxes,
        masks=masks,
        areas=masks.mean(axis=(1, 2), dtype=np.float32),
    )


def thumbnail_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the thumbnail: the photo's, shrunk to at most 256 px."""
    scale = min(1.0, THUMBNAIL_SIDE / max(image_size))
    return max(1, round(image_size[0] * scale)), max(1, round(image_size[1] * scale))


def binary_masks(instances: Instances, size: tuple[int, int]) -> BoolArray:
    """Every mask above 0.5 at the given height and width: bool (N, height, width)."""
    masks = np.zeros((len(instances), *size), dtype=np.bool_)
    for index in range(len(instances)):
        masks[index] = instances.soft_mask(index, size) > 0.5
    return masks


def _contrast(mask: BoolArray, salient: FloatArray) -> float:
    """Mean saliency inside minus the mean in the ring around, at least 0."""
    if not mask.any():
        return 0.0
    reach = max(3, round(_RING * float(np.sqrt(np.count_nonzero(mask)))))
    ring = dilate(mask, reach) & ~mask
    around = float(salient[ring].mean()) if ring.any() else 0.0
    return max(0.0, float(salient[mask].mean()) - around)


def dilate(mask: BoolArray, reach: int) -> BoolArray:
    """The mask grown by so many pixels to every side."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), dtype=np.bool_)


def _centroid(mask: BoolArray, box: FloatArray, size: tuple[int, int]) -> tuple[float, float]:
    """The mask's centroid (y, x) as a share of the photo; the box's centre for an empty mask."""
    total = np.count_nonzero(mask)
    if not total:
        return float(box[1] + box[3]) / 2 / size[0], float(box[0] + box[2]) / 2 / size[1]
    height, width = mask.shape
    y = float(mask.sum(axis=1) @ (np.arange(height) + 0.5)) / total / height
    x = float(mask.sum(axis=0) @ (np.arange(width) + 0.5)) / total / width
    return y, x


def _centrality(centroid: tuple[float, float]) -> float:
    """exp(-4 d^2), d to the photo's centre."""
    return float(np.exp(-4.0 * ((centroid[0] - 0.5) ** 2 + (centroid[1] - 0.5) ** 2)))


def _border(mask: BoolArray) -> float:
    """1 minus the share of the outline on the photo's border; 1 for an empty mask."""
    if not mask.any():
        return 1.0
    padded = np.pad(mask.astype(np.uint8), 1)  # the photo's border is part of the outline
    inner = cv2.erode(padded, np.ones((3, 3), dtype=np.uint8))
    outline = np.count_nonzero(padded) - np.count_nonzero(inner)
    band = max(1, round(_EDGE * max(mask.shape)))  # soft masks fade just before the border
    top, bottom = mask[:band].any(axis=0), mask[-band:].any(axis=0)
    left, right = mask[:, :band].any(axis=1), mask[:, -band:].any(axis=1)
    cut = float(top.sum() + left.sum() + right.sum()) + _BOTTOM * float(bottom.sum())
    return max(0.0, 1.0 - cut / float(outline))


def _unit(values: NDArray[Any]) -> FloatArray:
    """Clip to 0..1, NaN to 0: a network's numbers are not trusted."""
    return np.asarray(np.clip(np.nan_to_num(values, nan=0.0), 0.0, 1.0), dtype=np.float32)
