"""Annotations as people's programs export them, turned into the content of a COCO file.

COCO json is read as it is. Of the other formats each module here turns one into the same content,
with photos named by their whole path, so that all the checks stand in one place. Converters that
cover them all are larger than this whole package (datumaro), or know boxes only (globox).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vx_detectron.data.coco import Loaded, from_content, read_coco, read_json
from vx_detectron.data.exports import coco_folders, cvat, labelme, via, yolo
from vx_detectron.errors import DataError
from vx_detectron.image_io import MAX_PIXELS

FORMATS = (
    "COCO json, a folder with train, valid and test folders of COCO json, a YOLO data.yaml with "
    "polygons, a folder of LabelMe json, CVAT's XML for images, or VIA json"
)


def read_export(source: Path, image_root: Path, *, max_pixels: int = MAX_PIXELS) -> Loaded:
    """Read annotations of any known format; which one it is shows in the file or folder.

    Args:
        source: a file, or a folder for formats that are one.
        image_root: the folder of the photos; formats that say where their photos are, such as
            YOLO, do not need it.
        max_pixels: largest photo, width x height.

    Raises:
        DataError: it is missing, invalid, or of no known format.
    """
    if source.is_dir():
        content = _from_folder(source, max_pixels)
    elif source.suffix.lower() in (".yaml", ".yml"):
        content = yolo.read(source, max_pixels)
    elif source.suffix.lower() == ".xml":
        content = cvat.read(source, image_root)
    elif source.suffix.lower() == ".json" and source.is_file():
        found = read_json(source)
        if via.recognises(found):
            content = via.read(found, image_root)
        elif labelme.recognises(found):
            raise DataError(
                f"{source} is a LabelMe file of one photo; give the folder that holds all of them"
            )
        else:
            return from_content(found, source, image_root, max_pixels=max_pixels)
    else:
        return read_coco(source, image_root, max_pixels=max_pixels)
    return from_content(content, source, image_root, max_pixels=max_pixels)


def _from_folder(folder: Path, max_pixels: int) -> dict[str, Any]:
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (folder / name).is_file():
            return yolo.read(folder / name, max_pixels)
    splits = coco_folders.find(folder)
    if splits:
        return coco_folders.read(splits)
    content = labelme.read(folder)
    if content is None:
        raise DataError(f"{folder} holds no annotations of a known format; expected {FORMATS}")
    return content
