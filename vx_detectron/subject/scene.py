"""The photo and its instances as the chooser sees them, at thumbnail size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.image_io import area_average
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances, IntArray
from vx_detectron.subject.saliency import LEARNED, saliency_of
from vx_detectron.subject.thumbnails import binary_masks, dilate, thumbnail_size, unit

_FOCUS_SIDE = 480  # smaller, and what is out of focus looks sharp again
# What contradicts "no subject": so large a share of the photo, lit so brightly.
_LIT_AREA, _LIT_MEAN = 0.01, 0.75
_CONTACT = 2  # pixels of the thumbnail between two masks that still count as touching
_CONTACT_PIXELS = 3  # more than this many must meet, so that one noisy corner does not count


@dataclass(frozen=True, eq=False)
class Scene:
    """One photo, seen small. Every array of N is in the order of the instances.

    Attributes:
        labels: class name of each instance.
        is_region: bool (N,), whether it is a region of the saliency map, of no known class.
        scores: float32 (N,), detection confidence, 0..1.
        masks: bool (N, h, w), the masks above 0.5 on a thumbnail of at most 160 px. A thing too
            small for it has the pixel at its box's centre.
        areas: float32 (N,), share of the photo that each mask covers, above 0.
        touching: bool (N, N), whether two masks meet, or nearly; never with themselves.
        alike: bool (N, N), whether two things are of one known class; never with themselves.
        order: int64 (N,), the instances from the most conspicuous to the least. It depends on
            what they are, not on the order in which they come.
        saliency: float32 (h, w), 0..1.
        sharpness: float32 (h, w), 0 or more: mean strength of the finest detail.
        learned: whether a network drew the saliency.
    """

    labels: tuple[str, ...]
    is_region: BoolArray
    scores: FloatArray
    masks: BoolArray
    areas: FloatArray
    touching: BoolArray
    alike: BoolArray
    order: IntArray
    saliency: FloatArray
    sharpness: FloatArray
    learned: bool

    def __len__(self) -> int:
        return len(self.labels)


def look(image: ByteArray, instances: Instances) -> Scene:
    """See one photo small.

    Args:
        image: uint8 (H, W, 3), RGB, the photo the instances were found in.
        instances: what was found in it.
    """
    height, width = thumbnail_size(instances.image_size)
    map_, origin = saliency_of(image, instances)
    saliency = unit(cv2.resize(unit(map_), (width, height), interpolation=cv2.INTER_LINEAR))
    masks = _never_empty(binary_masks(instances, (height, width)), instances)
    labels = tuple(instances.label(index) for index in range(len(instances)))
    return Scene(
        labels=labels,
        is_region=instances.is_region,
        scores=unit(instances.scores),
        masks=masks,
        areas=masks.mean(axis=(1, 2), dtype=np.float32),
        touching=_touching(masks),
        alike=_alike(labels, instances.is_region),
        order=_order(masks, saliency, instances, labels),
        saliency=saliency,
        sharpness=_sharpness(image, (height, width)),
        learned=origin == LEARNED,
    )


def clearly_seen(scene: Scene, index: int) -> bool:
    """Whether the eye shows an instance clearly: lit all over, and not tiny.

    "No subject" is a claim that needs the eye's agreement, however weak the candidates are.
    """
    inside = scene.masks[index]
    bright = float(scene.saliency[inside].mean()) >= _LIT_MEAN
    return scene.learned and bright and float(scene.areas[index]) >= _LIT_AREA


def _never_empty(masks: BoolArray, instances: Instances) -> BoolArray:
    """The masks, with a pixel at the box's centre where one has none."""
    height, width = masks.shape[1:]
    for index in np.flatnonzero(~masks.any(axis=(1, 2))):
        x0, y0, x1, y1 = instances.boxes[index]
        row = int((y0 + y1) / 2 / instances.image_size[0] * height)
        column = int((x0 + x1) / 2 / instances.image_size[1] * width)
        masks[index, min(max(row, 0), height - 1), min(max(column, 0), width - 1)] = True
    return masks


def _touching(masks: BoolArray) -> BoolArray:
    flat = (len(masks), masks.shape[1] * masks.shape[2])
    grown = np.array([dilate(mask, _CONTACT) for mask in masks], dtype=np.float32).reshape(flat)
    meeting = grown @ masks.reshape(flat).T.astype(np.float32)
    touching = np.maximum(meeting, meeting.T) > _CONTACT_PIXELS
    np.fill_diagonal(touching, False)
    return np.asarray(touching, dtype=np.bool_)


def _alike(labels: tuple[str, ...], is_region: BoolArray) -> BoolArray:
    """Nobody knows whether two salient regions are of one kind, so they are not."""
    names = np.array(labels, dtype=object)
    alike = (names[:, None] == names[None, :]) & ~is_region[:, None]
    np.fill_diagonal(alike, False)
    return np.asarray(alike, dtype=np.bool_)


def _order(
    masks: BoolArray, saliency: FloatArray, instances: Instances, labels: tuple[str, ...]
) -> IntArray:
    """By the saliency that each holds; ties by area, box, name and score."""
    held = (masks * saliency).sum(axis=(1, 2), dtype=np.float64)

    def key(index: int) -> tuple[float, int, list[float], str, float]:
        box = [float(side) for side in instances.boxes[index]]
        area = int(np.count_nonzero(masks[index]))
        return -float(held[index]), -area, box, labels[index], -float(instances.scores[index])

    return np.array(sorted(range(len(masks)), key=key), dtype=np.int64)


def _sharpness(image: ByteArray, size: tuple[int, int]) -> FloatArray:
    """Mean absolute Laplacian of the grey photo of at most 480 px, at thumbnail size."""
    scale = min(1.0, _FOCUS_SIDE / max(image.shape[:2]))
    shape = max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))
    grey = cv2.cvtColor(area_average(image, shape), cv2.COLOR_RGB2GRAY)
    detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=3))
    return np.asarray(
        cv2.resize(detail, size[::-1], interpolation=cv2.INTER_AREA), dtype=np.float32
    )
