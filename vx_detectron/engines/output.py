"""From the network's detections to ``Instances`` at the photo's size; every engine ends here."""

from __future__ import annotations

import numpy as np

from vx_detectron.structures import FloatArray, Instances, IntArray


def to_instances(
    boxes: FloatArray,
    scores: FloatArray,
    classes: IntArray,
    mask_grids: FloatArray,
    *,
    network_size: tuple[int, int],
    image_size: tuple[int, int],
    class_names: tuple[str, ...],
) -> Instances:
    """Scale the boxes to the photo, clip them, and drop those of which nothing is left.

    Like Detectron2's ``detector_postprocess``, except for the masks, which stay on their grid.

    Args:
        boxes: (N, 4), x0, y0, x1, y1 in pixels of the network's input.
        scores: (N,), 0..1.
        classes: (N,), index into ``class_names``.
        mask_grids: (N, M, M), probabilities 0..1.
        network_size: height and width of the network's input, in pixels.
        image_size: height and width of the photo, in pixels.
        class_names: one for each class.
    """
    height, width = image_size
    scale_x, scale_y = width / network_size[1], height / network_size[0]
    scaled = boxes * np.array([scale_x, scale_y, scale_x, scale_y], dtype=np.float32)
    scaled[:, 0::2] = scaled[:, 0::2].clip(0, width)
    scaled[:, 1::2] = scaled[:, 1::2].clip(0, height)
    keep = (scaled[:, 2] > scaled[:, 0]) & (scaled[:, 3] > scaled[:, 1])
    return Instances(
        image_size=image_size,
        boxes=scaled[keep].astype(np.float32),
        scores=scores[keep].astype(np.float32),
        classes=classes[keep].astype(np.int64),
        mask_grids=mask_grids[keep].astype(np.float32),
        class_names=class_names,
    )
