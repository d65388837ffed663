"""COCO json files to records in Detectron2's dataset-dict format."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from vx_detectron.data.categories import Categories, DatasetDict, read_categories
from vx_detectron.data.segmentation import decode_mask, to_rle
from vx_detectron.errors import DataError
from vx_detectron.image_io import MAX_PIXELS
from vx_detectron.rle import mask_area, mask_box

__all__ = ["DatasetDict", "Loaded", "Problem", "decode_mask", "read_coco"]


class Problem(NamedTuple):
    """Something that cannot be used, and is left out.

    Attributes:
        file_name: the photo, mask or json that it is about.
        reason: what was expected and what came.
    """

    file_name: str
    reason: str


class Loaded(NamedTuple):
    """A data set in memory.

    Attributes:
        records: one a photo.
        categories: the classes.
        problems: what was left out.
    """

    records: list[DatasetDict]
    categories: Categories
    problems: list[Problem]


def read_coco(json_file: Path, image_root: Path, *, max_pixels: int = MAX_PIXELS) -> Loaded:
    """One record a photo: ``file_name``, ``height``, ``width``, ``image_id``, ``annotations``.

    Whatever else the file says of a photo (``source``, ``split``, ``mask_kind``,
    ``annotated_categories``) stays in its record. Annotations keep COCO's own ``id``,
    ``category_id`` (not contiguous) and ``iscrowd``, and have their mask as compressed RLE;
    ``area`` and ``bbox`` are those of the mask, whatever the file says. Photos with an
    annotation that makes no sense are left out whole: without it they would be wrong.

    Raises:
        DataError: the file is missing, is no COCO json, or its categories make no sense.
    """
    content = _read_json(json_file)
    try:
        categories = read_categories(content.get("categories", []))
    except DataError as error:
        raise DataError(f"{json_file}: {error}; mend the file") from error
    annotations, problems = _by_image(content, json_file)
    records: list[DatasetDict] = []
    for image in content["images"]:
        try:
            record = _record(image, image_root, max_pixels)
        except DataError as error:
            problems.append(Problem(str(json_file), str(error)))
            continue
        try:
            found = annotations.get(record["image_id"], [])
            size = record["height"], record["width"]
            record["annotations"] = [_annotation(one, *size) for one in found]
            records.append(record)
        except DataError as error:
            problems.append(Problem(record["file_name"], str(error)))
    return Loaded(records, categories, problems)


def _read_json(json_file: Path) -> dict[str, Any]:
    try:
        content = json.loads(json_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read the annotations {json_file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{json_file} should be COCO json, but is no json: {error}") from error
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise DataError(
            f"{json_file} should be COCO json with 'images' and 'annotations'; "
            f"it has {sorted(content) if isinstance(content, dict) else type(content).__name__}"
        )
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key, []), list):
            raise DataError(f"{json_file}: {key!r} should be a list")
    return content


def _by_image(
    content: dict[str, Any], json_file: Path
) -> tuple[dict[Any, list[dict[str, Any]]], list[Problem]]:
    """The annotations of each image id; those of images that are not listed are one problem."""
    listed = {image.get("id") for image in content["images"] if _has_number(image, "id")}
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    orphans = []
    for annotation in content["annotations"]:
        if _has_number(annotation, "image_id") and annotation["image_id"] in listed:
            found[annotation["image_id"]].append(annotation)
        else:
            orphans.append(annotation)
    if not orphans:
        return found, []
    reason = (
        f"{len(orphans)} of its annotations belong to images that it does not list, "
        f"such as {orphans[0]!r:.80}"
    )
    return found, [Problem(str(json_file), reason)]


def _has_number(entry: Any, key: str) -> bool:
    return isinstance(entry, dict) and type(entry.get(key)) is int


def _record(image: Any, image_root: Path, max_pixels: int) -> DatasetDict:
    """A record without annotations."""
    numbers = all(_has_number(image, key) for key in ("id", "height", "width"))
    if not numbers or not isinstance(image.get("file_name"), str) or not image["file_name"]:
        raise DataError(
            "an image needs numbers 'id', 'width' and 'height' and a text 'file_name', "
            f"got {image!r:.120}"
        )
    if not 0 < image["height"] * image["width"] <= max_pixels or image["height"] < 0:
        raise DataError(
            f"image {image['id']} says {image['width']} x {image['height']} pixels; expected 1 to "
            f"{max_pixels:,} in all"
        )
    _expect_extras(image)
    record = {**image, "file_name": str(image_root / image["file_name"]), "image_id": image["id"]}
    del record["id"]
    return record


def _expect_extras(image: dict[str, Any]) -> None:
    """What this project reads of an image beyond COCO's own fields, where it is there."""
    for key in ("source", "split", "mask_kind"):
        if not isinstance(image.get(key, ""), str):
            raise DataError(
                f"image {image['id']}: {key!r} should be a text, got {image[key]!r:.40}"
            )
    annotated = image.get("annotated_categories", [])
    if not isinstance(annotated, list) or not all(type(one) is int for one in annotated):
        raise DataError(
            f"image {image['id']}: 'annotated_categories' should be a list of category ids, "
            f"got {annotated!r:.40}"
        )


def _annotation(annotation: dict[str, Any], height: int, width: int) -> dict[str, Any]:
    try:
        rle = to_rle(annotation.get("segmentation"), height, width)
        if not _has_number(annotation, "category_id"):
            raise DataError("it has no number 'category_id'")
    except DataError as error:
        raise DataError(f"annotation {annotation.get('id')!r:.40}: {error}") from error
    return {
        **annotation,
        "segmentation": rle,
        "area": float(mask_area(rle)),
        "bbox": mask_box(rle),
        "iscrowd": int(annotation.get("iscrowd") in (1, True)),
    }
