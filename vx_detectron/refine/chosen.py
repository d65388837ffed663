"""From the chosen instances to their refined mask: selects the window and the size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vx_detectron.refine.options import RefineOptions
from vx_detectron.refine.steps import refine
from vx_detectron.refine.window import (
    bounded_size,
    lit_box,
    sample,
    surroundings,
    window_size,
)
from vx_detectron.structures import ByteArray, FloatArray, Instances, Subject, Window

_MARGIN = 3.0  # around the subject's boxes, in cells: the refinement sees no farther


def refine_chosen(
    photo: ByteArray,
    instances: Instances,
    chosen: Sequence[int],
    options: RefineOptions,
    *,
    subject: Subject | None,
    check: Callable[[], None] | None = None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """The refined mask of some instances, as one subject; see ``refine``.

    Args:
        photo: uint8 (H, W, 3), RGB.
        instances: what was found in it.
        chosen: positions among them, at least one.
        options: which steps run, and how.
        subject: the automatic choice that they are: how likely each is then matters, and what the
            eye sees besides them belongs to the subject too. None where a person picked them.
        check: called between the steps; whatever it raises ends the work.

    Returns:
        float32 (H, W), 0 = background .. 1 = subject; and the steps that ran.
    """
    cell = max(_cell(instances, index) for index in chosen)
    boxes = instances.boxes[list(chosen)]
    if subject is not None and instances.saliency is not None:
        boxes = np.concatenate([boxes, lit_box(instances.saliency, instances.image_size)])
    window = surroundings(boxes, _MARGIN * cell, instances.image_size)
    if window is None:
        return np.zeros(instances.image_size, dtype=np.float32), ()
    size = bounded_size(window_size(window), options.working_side)
    likely = None if subject is None else likely_mask(instances, subject, size, window)
    return refine(
        photo,
        union_mask(instances, chosen, size, window),
        cell=cell,
        window=window,
        saliency=instances.saliency,
        likely=likely,
        options=options,
        check=check,
    )


def likely_mask(
    instances: Instances,
    subject: Subject,
    size: tuple[int, int] | None = None,
    window: Window | None = None,
) -> FloatArray:
    """How probably each pixel belongs to what was chosen automatically.

    The mask of each chosen thing counts as much as the thing is likely to belong to the subject,
    given that there is one. Salient regions were cut out of the eye's map, so where nothing else
    was chosen, that map speaks for itself beyond them too, except on other candidates.

    Args:
        instances: what was found in the photo.
        subject: chosen among them, with its ranking.
        size: as for ``union_mask``.
        window: as for ``union_mask``.

    Returns:
        float32 (height, width), 0..1.
    """
    mask = union_mask(instances, (), size, window)
    any_subject = max(subject.score, 1e-6)
    scores = {one.index: min(1.0, one.score / any_subject) for one in subject.ranking}
    for index in subject.chosen:
        own = union_mask(instances, (index,), size, window)
        np.maximum(mask, np.float32(scores[index]) * own, out=mask)
    if instances.saliency is None or not instances.is_region[list(subject.chosen)].all():
        return mask
    others = [index for index in scores if index not in subject.chosen]
    free = union_mask(instances, others, size, window) < 0.5
    view = window or (slice(0, instances.image_size[0]), slice(0, instances.image_size[1]))
    whole = sample(instances.saliency, instances.image_size, view, mask.shape)
    return np.where(free, np.maximum(mask, whole), mask)


def union_mask(
    instances: Instances,
    indices: Sequence[int],
    size: tuple[int, int] | None = None,
    window: Window | None = None,
) -> FloatArray:
    """The masks of some instances as one, float32 (height, width), 0..1.

    Args:
        instances: what was found in the photo.
        indices: positions among them.
        size: another height and width than the photo's, or the window's.
        window: a part of the photo that holds them whole, by default all of it.
    """
    window = window or (slice(0, instances.image_size[0]), slice(0, instances.image_size[1]))
    mask = np.zeros(size or window_size(window), dtype=np.float32)
    for index in indices:
        own = instances.soft_mask(index, mask.shape, window)
        if instances.is_region[index] and instances.saliency is not None:
            # The grid says where the region is; the map that it was cut from knows the edge better.
            whole = sample(instances.saliency, instances.image_size, window, mask.shape)
            own = np.where(own > 0, whole, np.float32(0))
        np.maximum(mask, own, out=mask)
    return mask


def _cell(instances: Instances, index: int) -> float:
    """The side of the cell of one instance's mask, in photo pixels."""
    if instances.is_region[index] and instances.saliency is not None:
        return float(instances.image_size[0] / instances.saliency.shape[0])
    return instances.mask_cell(index)
