"""One thing, one instance: a detector often gives the same thing several names."""

from __future__ import annotations

import numpy as np

from vx_detectron.structures import Instances
from vx_detectron.subject.thumbnails import binary_masks, thumbnail_size

# Mask IoU from which two instances of different classes are one thing. Things that really lie
# over each other, such as a rider and a horse, share far less.
_SAME = 0.65


def drop_second_names(instances: Instances) -> Instances:
    """Keep of all instances with nearly the same mask the most confident one.

    The detector suppresses duplicates only within a class, so a cat may also come as a bear and a
    bird, and all three would look like a group.

    Args:
        instances: what was found, scores in falling order.

    Returns:
        The others, in their order.
    """
    masks = binary_masks(instances, thumbnail_size(instances.image_size))
    areas = masks.sum(axis=(1, 2))
    kept: list[int] = []
    for index in range(len(instances)):
        shared = [int(np.count_nonzero(masks[index] & masks[one])) for one in kept]
        unions = [
            int(areas[index] + areas[one]) - both for one, both in zip(kept, shared, strict=True)
        ]
        if all(
            both < _SAME * union or not union for both, union in zip(shared, unions, strict=True)
        ):
            kept.append(index)
    return instances.take(kept)
