"""A photo with its masks, as it is while being augmented; from a record and to a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.ops import masks_to_boxes

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.data.segmentation import decode_mask
from vx_detectron.data.subjects import has_subject, subject_mask
from vx_detectron.errors import DataError
from vx_detectron.image_io import MAX_BYTES, MAX_PIXELS, read_photo
from vx_detectron.modeling.samples import Sample

NO_CLASS = -1  # of a thing that was pasted into the photo


@dataclass(frozen=True)
class Scene:
    """One photo and all that is annotated in it, in one geometry.

    Attributes:
        image: uint8 (3, H, W), RGB, 0..255.
        layers: uint8 (N + 1, H, W): the masks of N instances, then the subject's. 0 no, 1 yes,
            ``UNKNOWN`` where nobody knows.
        classes: int64 (N,), contiguous ids, or ``NO_CLASS``.
    """

    image: tv_tensors.Image
    layers: Layers
    classes: Tensor


def class_annotations(record: DatasetDict, class_ids: Mapping[int, int]) -> list[dict[str, Any]]:
    """The annotations that teach a class: no crowds, as in Detectron2, and no bare subjects."""
    if record.get("mask_kind") == "subject":
        return []
    return [
        annotation
        for annotation in record["annotations"]
        if annotation["category_id"] in class_ids and not annotation.get("iscrowd", 0)
    ]


def read_scene(
    record: DatasetDict,
    class_ids: Mapping[int, int],
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Scene:
    """The photo and the annotations of a record.

    The annotations refer to the upright photo, EXIF orientation applied, as in Detectron2.

    Args:
        record: see ``vx_detectron.data.coco``.
        class_ids: category id to contiguous id; annotations of other categories teach no class.
        max_pixels: largest photo, width x height.
        max_bytes: largest file.

    Raises:
        ImageError: the photo is missing, damaged or too large.
        DataError: the photo or a mask is not of the size that the record states.
    """
    pixels = read_photo(record["file_name"], max_pixels=max_pixels, max_bytes=max_bytes).pixels
    annotations = class_annotations(record, class_ids)
    height, width = record["height"], record["width"]
    masks = [decode_mask(one["segmentation"], height, width) for one in annotations]
    if has_subject(record):
        masks.append(subject_mask(record))
    else:
        masks.append(np.full((height, width), UNKNOWN, dtype=np.uint8))
    if pixels.shape[:2] != (height, width):
        raise DataError(
            f"{record['file_name']}: the photo (upright) has {pixels.shape[1]} x "
            f"{pixels.shape[0]} pixels, its annotations are for {width} x {height}; correct them"
        )
    return Scene(
        tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1)),
        torch.from_numpy(np.stack(masks)).as_subclass(Layers),
        torch.tensor([class_ids[one["category_id"]] for one in annotations], dtype=torch.int64),
    )


def to_sample(scene: Scene, record: DatasetDict, channels: str, complete: bool) -> Sample:
    """The sample of a scene; instances of which nothing is left are dropped.

    Args:
        scene: augmented.
        record: of the photo, for its name and number.
        channels: ``BGR`` or ``RGB``, the order of the sample's image.
        complete: whether every object of every class is annotated.
    """
    image = scene.image.as_subclass(Tensor)
    layers = scene.layers.as_subclass(Tensor)
    masks = layers[:-1] == 1
    seen = masks.flatten(1).any(dim=1)
    masks = masks[seen]
    boxes = masks_to_boxes(masks)
    boxes[:, 2:] += 1  # from the last pixel to its far edge
    subject = layers[-1].float()
    subject[layers[-1] == UNKNOWN] = -1
    return Sample(
        image=(image.flip(0) if channels == "BGR" else image).float(),
        boxes=boxes,
        classes=scene.classes[seen],
        masks=masks,
        subject=subject,
        complete=complete,
        file_name=str(record["file_name"]),
        image_id=record["image_id"],
    )
