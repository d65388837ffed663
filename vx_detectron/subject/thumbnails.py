"""Masks at thumbnail size: enough to compare instances by, and quick for a hundred of them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.structures import BoolArray, FloatArray, Instances

THUMBNAIL_SIDE = 160


def thumbnail_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the thumbnail: the photo's, shrunk to at most 160 px."""
    scale = min(1.0, THUMBNAIL_SIDE / max(image_size))
    return max(1, round(image_size[0] * scale)), max(1, round(image_size[1] * scale))


def binary_masks(instances: Instances, size: tuple[int, int]) -> BoolArray:
    """Every mask above 0.5 at the given height and width: bool (N, height, width)."""
    masks = np.zeros((len(instances), *size), dtype=np.bool_)
    for index in range(len(instances)):
        masks[index] = instances.soft_mask(index, size) > 0.5
    return masks


def dilate(mask: BoolArray, reach: int) -> BoolArray:
    """The mask grown by a number of pixels on every side."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), dtype=np.bool_)


def unit(values: NDArray[Any]) -> FloatArray:
    """Clip to 0..1, NaN to 0: a network's numbers are not trusted."""
    return np.asarray(np.clip(np.nan_to_num(values, nan=0.0), 0.0, 1.0), dtype=np.float32)
