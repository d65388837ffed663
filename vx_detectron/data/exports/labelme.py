"""LabelMe: a json file beside each photo."""

from __future__ import annotations

import base64
import binascii
import math
from pathlib import Path
from typing import Any

import numpy as np

from vx_detectron.data.categories import whole
from vx_detectron.data.coco import read_json
from vx_detectron.data.exports.content import Content, ellipse, is_marked
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import MAX_PIXELS
from vx_detectron.image_io.opening import decode
from vx_detectron.rle import Rle, encode_mask


def recognises(found: Any) -> bool:
    """Whether the content of a json file is LabelMe's."""
    return isinstance(found, dict) and {"shapes", "imagePath"} <= found.keys()


def read(folder: Path) -> dict[str, Any] | None:
    """The content of a COCO file; None where the folder has no LabelMe file.

    Shapes of one group and label are one thing, as LabelMe has it.

    Raises:
        DataError: a json file is damaged, or a shape is invalid.
    """
    content = Content()
    for path in sorted(folder.rglob("*.json")):
        found = read_json(path)
        if recognises(found):
            _add(content, path, found)
    return content.whole() if content.images else None


def _add(content: Content, path: Path, found: dict[str, Any]) -> None:
    photo = path.parent / str(found["imagePath"]).replace("\\", "/")
    if not photo.exists():  # moved since: the json still lies beside its photo
        photo = path.parent / photo.name
    height, width = whole(found.get("imageHeight")), whole(found.get("imageWidth"))
    image = content.add_image(photo, height=height, width=width)
    groups: dict[Any, list[dict[str, Any]]] = {}
    for number, shape in enumerate(found["shapes"]):
        if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
            raise DataError(f"{path}: a shape needs a 'label' and 'points', got {shape!r:.80}")
        group = shape.get("group_id")
        key = number if group is None else (group, shape["label"])
        groups.setdefault(key, []).append(shape)
    for shapes in groups.values():
        try:
            masks = [_mask(shape, height, width) for shape in shapes]
        except (ImageError, IndexError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: a shape is invalid: {error!r:.120}") from error
        polygons = [one for one in masks if isinstance(one, list)]
        segmentation: Any = polygons or next((one for one in masks if one is not None), None)
        marked = any(is_marked(shape.get("flags")) for shape in shapes)
        content.add(
            image, shapes[0]["label"], segmentation, **({"subject": True} if marked else {})
        )


def _mask(shape: dict[str, Any], height: int | None, width: int | None) -> list[float] | Rle | None:
    """A polygon or RLE; None for what has no area, such as a box, a line or a point."""
    kind, points = shape.get("shape_type", "polygon"), shape["points"]
    if kind == "polygon":
        return [float(number) for point in points for number in point]
    if kind == "circle":
        (x, y), (edge_x, edge_y) = points
        radius = math.hypot(edge_x - x, edge_y - y)
        return ellipse(x, y, radius, radius)
    if kind == "mask" and height and width:
        (left, top), _ = points
        return _pasted(shape["mask"], round(top), round(left), height, width)
    return None


def _pasted(text: str, top: int, left: int, height: int, width: int) -> Rle:
    """A mask that is stored as a PNG of its box."""
    try:
        picture = decode(base64.b64decode(text, validate=True), MAX_PIXELS).image
        part = np.asarray(picture.convert("L")) > 0
    except binascii.Error as error:
        raise ValueError("its mask is not base64") from error
    mask = np.zeros((height, width), dtype=np.bool_)
    view = mask[top : top + part.shape[0], left : left + part.shape[1]]
    view[:] = part[: view.shape[0], : view.shape[1]]
    return encode_mask(mask)
