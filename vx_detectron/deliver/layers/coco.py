"""Layers as COCO annotations, to be corrected by hand and trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vx_detectron.deliver.layers.layer import InstanceLayer
from vx_detectron.rle import encode_mask, mask_area, mask_box
from vx_detectron.structures import SUBJECT_ID


def coco_json(
    file_name: str,
    size: tuple[int, int],
    layers: Sequence[InstanceLayer],
    class_names: Sequence[str],
) -> dict[str, Any]:
    """A COCO file of one photo; ``vx_detectron.data.coco.read_coco`` reads it back.

    Args:
        file_name: of the photo.
        size: its height and width, in pixels.
        layers: what is in it.
        class_names: of the network that found them. Category ids count from 1 in their order, so
            that a training on the file numbers the classes as that network does. A salient
            region has no class; it becomes category 1000, "subject".

    Returns:
        a dict for json, with each mask, alpha from 0.5 up, as compressed RLE.
    """
    categories = [{"id": number, "name": name} for number, name in enumerate(class_names, start=1)]
    image = {"id": 1, "file_name": file_name, "height": size[0], "width": size[1]}
    return {
        "images": [image],
        "annotations": [
            {"id": number, "image_id": 1, "iscrowd": 0, "score": layer.score}
            | {"category_id": SUBJECT_ID if layer.is_region else layer.class_id + 1}
            | _mask(layer, size)
            for number, layer in enumerate(layers, start=1)
        ],
        "categories": [*categories, {"id": SUBJECT_ID, "name": "subject"}],
    }


def _mask(layer: InstanceLayer, size: tuple[int, int]) -> dict[str, Any]:
    mask = np.zeros(size, dtype=np.bool_)
    height, width = layer.pixels.shape[:2]
    view = slice(layer.top, layer.top + height), slice(layer.left, layer.left + width)
    mask[view] = layer.pixels[..., 3] >= 128
    rle = encode_mask(mask)
    return {"segmentation": rle, "area": mask_area(rle), "bbox": mask_box(rle)}
