"""COCO json files to records in Detectron2's dataset-dict format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle_tools

from vx_detectron.errors import DataError

Record = dict[str, Any]


def load_coco_json(json_file: Path, image_root: Path) -> list[Record]:
    """One record a photo: ``file_name``, ``height``, ``width``, ``image_id``, ``annotations``.

    Whatever else the file says of a photo (``source``, ``split``, ``mask_kind``,
    ``annotated_categories``) stays in its record. Annotations keep COCO's own fields.

    Raises:
        DataError: the file is missing, no COCO json, or names an image that it does not list.
    """
    content = _read_json(json_file)
    records: dict[int, Record] = {}
    for image in content["images"]:
        record = {**image, "file_name": str(image_root / image["file_name"]), "annotations": []}
        record["image_id"] = record.pop("id")
        records[record["image_id"]] = record
    for annotation in content["annotations"]:
        if annotation["image_id"] not in records:
            raise DataError(
                f"{json_file}: annotation {annotation.get('id')} belongs to image "
                f"{annotation['image_id']}, which the file does not list; mend or drop it"
            )
        records[annotation["image_id"]]["annotations"].append(annotation)
    return list(records.values())


def _read_json(json_file: Path) -> dict[str, Any]:
    try:
        content = json.loads(json_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read the annotations {json_file}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{json_file} should be COCO json, but is no json: {error}") from error
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise DataError(
            f"{json_file} should be COCO json with 'images' and 'annotations'; "
            f"it has {sorted(content) if isinstance(content, dict) else type(content).__name__}"
        )
    return content


def decode_mask(segmentation: Any, height: int, width: int) -> NDArray[np.uint8]:
    """A COCO segmentation (polygons, RLE or compressed RLE) as uint8 (height, width), 0 or 1."""
    if isinstance(segmentation, list):
        rle = rle_tools.merge(rle_tools.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        rle = rle_tools.frPyObjects(segmentation, height, width)
    else:
        rle = segmentation
    mask: NDArray[np.uint8] = rle_tools.decode(rle)
    return mask
