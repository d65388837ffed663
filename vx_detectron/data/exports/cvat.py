"""CVAT's XML "for images": polygons, masks, ellipses and boxes of every photo in one file."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from vx_detectron.data.exports.content import SPLITS, Content, ellipse, is_marked
from vx_detectron.errors import DataError
from vx_detectron.rle import Rle, encode_mask


def read(source: Path, image_root: Path) -> dict[str, Any]:
    """The content of a COCO file.

    Raises:
        DataError: the file is missing or not CVAT's, or a shape is invalid.
    """
    root, content = _parse(source), Content()
    for label in root.iterfind(".//labels/label/name"):
        content.category((label.text or "").strip())
    for image in root.iterfind("image"):
        try:
            size = int(image.attrib["height"]), int(image.attrib["width"])
            _add(content, image, size, image_root)
        except (KeyError, ValueError) as error:
            name = image.get("name", "(no name)")
            raise DataError(f"{source}: image {name} is invalid: {error!r:.120}") from error
    return content.whole()


def _parse(source: Path) -> ElementTree.Element:
    try:
        text = source.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the annotations {source}: {error.strerror}") from error
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:  # entities can grow without bound
        raise DataError(f"{source} declares entities, which CVAT never writes; remove them")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DataError(f"{source} should be CVAT's XML, but is damaged: {error}") from error
    if root.tag != "annotations" or root.find("track") is not None:
        raise DataError(
            f"{source} should be CVAT's XML for images, got <{root.tag}>"
            + (" of a video" if root.find("track") is not None else "")
            + "; export the task as 'CVAT for images'"
        )
    return root


def _add(
    content: Content, image: ElementTree.Element, size: tuple[int, int], image_root: Path
) -> None:
    split = SPLITS.get(image.get("subset", "").casefold())
    path = image_root / image.attrib["name"].replace("\\", "/")
    number = content.add_image(path, height=size[0], width=size[1], split=split)
    for shape in image:
        if shape.tag == "tag":
            continue
        attributes = {one.get("name"): one.text for one in shape.iterfind("attribute")}
        marked = {"subject": True} if is_marked(attributes) else {}
        content.add(number, shape.attrib["label"], _mask(shape, size), **marked)


def _mask(shape: ElementTree.Element, size: tuple[int, int]) -> Any:
    """Polygons or RLE; None for what has no area, such as a box or a line."""
    if shape.tag == "polygon":
        points = shape.attrib["points"].split(";")
        return [[float(number) for point in points for number in point.split(",")]]
    if shape.tag == "ellipse":
        return [ellipse(*(float(shape.attrib[name]) for name in ("cx", "cy", "rx", "ry")))]
    return _runs(shape, size) if shape.tag == "mask" else None


def _runs(shape: ElementTree.Element, size: tuple[int, int]) -> Rle:
    """A mask given as the lengths of runs of 0 and 1 in turn, row by row of its box."""
    top, left, height, width = (int(shape.attrib[n]) for n in ("top", "left", "height", "width"))
    runs = [int(number) for number in shape.attrib["rle"].split(",")]
    inside = 0 <= top <= size[0] - height and 0 <= left <= size[1] - width
    if min(runs) < 0 or sum(runs) != height * width or not inside:
        raise ValueError(f"its mask of {height} x {width} has runs of {sum(runs)} pixels")
    part = np.zeros(height * width, dtype=np.bool_)
    ends = list(accumulate(runs))
    for start, end in zip(ends[::2], ends[1::2], strict=False):
        part[start:end] = True
    mask = np.zeros(size, dtype=np.bool_)
    mask[top : top + height, left : left + width] = part.reshape(height, width)
    return encode_mask(mask)
