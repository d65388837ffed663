"""Salient regions become instances of their own, labelled as what they are.

A detector knows its classes only; the learned saliency map also sees everything else.
"""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, FloatArray, Instances
from vx_detectron.subject.options import SubjectOptions
from vx_detectron.subject.thumbnails import binary_masks, unit

_DEFAULT_GRID = 28  # of the added masks when there is no instance to take it from
_MOSTLY = 0.5  # share of an instance inside a region from which it may help to explain it


def add_salient_regions(instances: Instances, options: SubjectOptions | None = None) -> Instances:
    """Add a pseudo-instance for each salient region that the instances do not explain.

    A region is a connected part of the saliency map above ``region_threshold`` that covers
    ``region_min_area`` of the photo; the largest ``region_max`` are looked at. It is explained
    when one instance, or the union of those that lie mostly inside it, overlaps it with an IoU
    of ``region_explained``. A pseudo-instance has no class (``is_region``); its score is the
    mean saliency inside, its mask the map itself.

    Args:
        instances: what the engine found.
        options: the region thresholds.

    Returns:
        The instances and the added ones, by falling score; the very same object when there is
        no saliency map or nothing to add.
    """
    options = options or SubjectOptions()
    saliency = instances.saliency
    if saliency is None or saliency.size == 0:
        return instances
    saliency = unit(saliency)
    masks = binary_masks(instances, (saliency.shape[0], saliency.shape[1]))
    regions = [
        region
        for region in _components(saliency, options)
        if _explained(region, masks) < options.region_explained
    ]
    return _with_regions(instances, saliency, regions) if regions else instances


def _components(saliency: FloatArray, options: SubjectOptions) -> list[BoolArray]:
    """The largest connected parts of the map above the threshold, largest first."""
    above = (saliency >= options.region_threshold).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")[: options.region_max]
    smallest = options.region_min_area * saliency.size
    return [np.asarray(labels == part + 1) for part in order if areas[part] >= smallest]


def _explained(region: BoolArray, masks: BoolArray) -> float:
    """The best IoU of the region with one instance, or with the union of those inside it."""
    if not len(masks):
        return 0.0
    inside = [
        mask
        for mask in masks
        if mask.any() and np.count_nonzero(mask & region) >= _MOSTLY * np.count_nonzero(mask)
    ]
    union = np.any(inside, axis=0) if inside else np.zeros_like(region)
    return max(_iou(region, candidate) for candidate in (*masks, union))


def _iou(first: BoolArray, second: BoolArray) -> float:
    """Intersection over union; the first is never empty."""
    return float(np.count_nonzero(first & second)) / float(np.count_nonzero(first | second))


def _with_regions(
    instances: Instances, saliency: FloatArray, regions: list[BoolArray]
) -> Instances:
    """The instances and the regions in one record, by falling score."""
    cells = instances.mask_grids.shape[1] if len(instances) else _DEFAULT_GRID
    cut = [_box_and_grid(saliency, region, cells, instances.image_size) for region in regions]
    added_scores = np.array([saliency[region].mean() for region in regions], dtype=np.float32)
    added_classes = np.full(len(regions), -1, dtype=np.int64)
    added_grids = np.stack([grid for _, grid in cut])
    old_grids = instances.mask_grids if len(instances) else added_grids[:0]
    scores = np.concatenate([instances.scores, added_scores])
    order = np.argsort(-scores, kind="stable")
    return Instances(
        image_size=instances.image_size,
        boxes=np.concatenate([instances.boxes, np.stack([box for box, _ in cut])])[order],
        scores=scores[order],
        classes=np.concatenate([instances.classes, added_classes])[order],
        mask_grids=np.concatenate([old_grids, added_grids])[order],
        class_names=instances.class_names,
        saliency=instances.saliency,
        is_region=np.concatenate([instances.is_region, np.ones(len(regions), dtype=np.bool_)])[
            order
        ],
    )


def _box_and_grid(
    saliency: FloatArray, region: BoolArray, cells: int, image_size: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """The region's box in the photo, and the map in that box on a (cells, cells) grid."""
    height, width = saliency.shape
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    # One more pixel on every side, because the map fades out beyond the threshold.
    top, bottom = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, height)
    left, right = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, width)
    near = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), dtype=np.uint8)).astype(np.bool_)
    patch = np.where(near, saliency, np.float32(0))[top:bottom, left:right]
    shrinks = min(patch.shape) > cells
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    # OpenCV's area average of ones exceeds one by rounding.
    grid = np.minimum(cv2.resize(patch, (cells, cells), interpolation=way), np.float32(1))
    scale_y, scale_x = image_size[0] / height, image_size[1] / width
    box = np.array([left * scale_x, top * scale_y, right * scale_x, bottom * scale_y])
    return box.astype(np.float32), np.asarray(grid, dtype=np.float32)
