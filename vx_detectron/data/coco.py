"""COCO json files to records in Detectron2's dataset-dict format."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from vx_detectron.data.categories import (
    Categories,
    DatasetDict,
    number_of,
    read_categories,
    whole,
)
from vx_detectron.data.notes import Notes
from vx_detectron.data.segmentation import decode_mask, has_mask, overhang, to_rle
from vx_detectron.errors import DataError, ImageError
from vx_detectron.files import write_text
from vx_detectron.image_io import MAX_PIXELS, read_size
from vx_detectron.rle import mask_area, mask_box

__all__ = ["DatasetDict", "Loaded", "Problem", "decode_mask", "read_coco"]


# What a record has and an image of a COCO file has not.
_OURS = ("annotations", "image_id", "subject_annotations")


class Problem(NamedTuple):
    """Something that cannot be used, and is left out.

    Attributes:
        file_name: the photo, mask or json that it is about.
        reason: what was expected and what was found.
    """

    file_name: str
    reason: str


class Loaded(NamedTuple):
    """A data set in memory.

    Attributes:
        records: one per photo.
        categories: the classes.
        problems: what was left out.
        notes: what was corrected or skipped, one line per kind.
    """

    records: list[DatasetDict]
    categories: Categories
    problems: list[Problem]
    notes: list[str] = []  # noqa: RUF012  # never changed


def read_coco(json_file: Path, image_root: Path, *, max_pixels: int = MAX_PIXELS) -> Loaded:
    """One record per photo: ``file_name``, ``height``, ``width``, ``image_id``, ``annotations``.

    Raises:
        DataError: the file is missing, is not COCO json, or its categories are invalid.
    """
    return from_content(read_json(json_file), json_file, image_root, max_pixels=max_pixels)


def from_content(
    content: Any, source: Path, image_root: Path, *, max_pixels: int = MAX_PIXELS
) -> Loaded:
    """The records of a COCO file's content, or of what another format was turned into.

    Whatever else it says of a photo (``source``, ``split``, ``mask_kind``,
    ``annotated_categories``) stays in its record. Annotations keep COCO's own ``id``,
    ``category_id`` (not contiguous) and ``iscrowd``, and have their mask as compressed RLE;
    ``area`` and ``bbox`` are those of the mask, whatever the file says. ``subject`` says whether
    an annotation is marked as the subject. What other programs write differently but without
    doubt is understood: ids as texts, sizes as 384.0 or left out, a flat list of corners,
    backslashes in names, corners a little outside the photo; and a photo that is not where it
    should be may lie right below the root. An annotation with a box but without a mask, or with a
    polygon that encloses nothing, is dropped, and its photo counts as not wholly annotated. Photos
    with an invalid annotation are left out as a whole: without it they would be wrong.

    Args:
        content: as json has it.
        source: the file or folder it came from, for messages.
        image_root: what relative file names start from.
        max_pixels: largest photo, width x height.

    Raises:
        DataError: it is not COCO json, or its categories are invalid.
    """
    content = _expect_coco(content, source)
    notes = Notes()
    used = {
        number
        for one in content["annotations"]
        if isinstance(one, dict) and (number := number_of(one.get("category_id"))) is not None
    }
    try:
        categories = read_categories(content.get("categories", []), used, notes)
    except DataError as error:
        raise DataError(f"{source}: {error}; correct the file") from error
    annotations, problems = _by_image(content, source)
    entries = [one for found in annotations.values() for one in found]
    if entries and not any(has_mask(one.get("segmentation")) for one in entries):
        raise DataError(
            f"{source}: none of its {len(entries)} annotations has a mask; expected polygons or "
            "RLE, since masks cannot be learned from boxes alone"
        )
    records: list[DatasetDict] = []
    for image in content["images"]:
        name = str(source)
        try:
            record = _record(image, image_root, max_pixels, notes)
            name = record["file_name"]
            _annotate(record, annotations.get(record["image_id"], []), categories, notes)
            records.append(record)
        except (DataError, ImageError) as error:
            problems.append(Problem(name, str(error).removeprefix(f"{name}: ")))
    _note_crowds(records, notes)
    return Loaded(records, categories, problems, notes.lines())


def write_coco(path: Path, loaded: Loaded) -> None:
    """Write the records as one COCO json that ``read_coco`` reads back.

    Photos below the folder of the file are named from there, others by their whole path.

    Raises:
        DataError: the file cannot be written.
    """
    folder = path.absolute().parent
    images = []
    annotations: list[dict[str, Any]] = []
    for record in loaded.records:
        photo = Path(record["file_name"]).absolute()
        name = photo.relative_to(folder) if photo.is_relative_to(folder) else photo
        kept = {k: v for k, v in record.items() if k not in _OURS}
        images.append({**kept, "id": record["image_id"], "file_name": name.as_posix()})
        annotations += [
            {**one, "image_id": record["image_id"], "id": len(annotations) + number}
            for number, one in enumerate(record["annotations"], start=1)
        ]
    named = [{"id": number, "name": name} for number, name in loaded.categories.names.items()]
    subjects = [
        {"id": number, "name": "subject"}
        for number in sorted(loaded.categories.subject_ids - loaded.categories.names.keys())
    ]
    content = {"images": images, "annotations": annotations, "categories": [*named, *subjects]}
    write_text(path, json.dumps(content) + "\n")


def read_json(path: Path) -> Any:
    """What is in a json file, whichever encoding of Unicode it has.

    Raises:
        DataError: it is missing, or is not json.
    """
    try:
        return json.loads(path.read_bytes())  # UTF-8, -16 or -32, each with or without a mark
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} should be UTF-8 text, but it is not: {error}; save it in that encoding"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read the annotations {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} should be json, but it is not: {error}") from error


def _expect_coco(content: Any, source: Path) -> dict[str, Any]:
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise DataError(
            f"{source} should be COCO json with 'images' and 'annotations'; "
            f"it has {sorted(content) if isinstance(content, dict) else type(content).__name__}"
        )
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key, []), list):
            raise DataError(f"{source}: {key!r} should be a list")
    return content


def _by_image(
    content: dict[str, Any], source: Path
) -> tuple[dict[int, list[dict[str, Any]]], list[Problem]]:
    """The annotations of each image id; those of images that are not listed are one problem."""
    listed = {number_of(image.get("id")) for image in content["images"] if isinstance(image, dict)}
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    orphans = []
    for annotation in content["annotations"]:
        image = number_of(annotation.get("image_id")) if isinstance(annotation, dict) else None
        if image is not None and image in listed:
            found[image].append(annotation)
        else:
            orphans.append(annotation)
    if not orphans:
        return found, []
    reason = (
        f"{len(orphans)} of its annotations belong to images that it does not list, "
        f"such as {orphans[0]!r:.80}"
    )
    return found, [Problem(str(source), reason)]


def _record(image: Any, image_root: Path, max_pixels: int, notes: Notes) -> DatasetDict:
    """A record without annotations."""
    number = number_of(image.get("id")) if isinstance(image, dict) else None
    if number is None or not isinstance(image.get("file_name"), str) or not image["file_name"]:
        raise DataError(
            "an image needs an 'id', a text 'file_name', and whole numbers 'width' and 'height' "
            f"or neither, got {image!r:.120}"
        )
    path = _path(image_root, image["file_name"], notes)
    if image.get("width") is None and image.get("height") is None:
        height, width = read_size(path, max_pixels=max_pixels)
    else:
        height, width = (whole(image.get(key)) or 0 for key in ("height", "width"))
    if height <= 0 or width <= 0 or height * width > max_pixels:
        raise DataError(
            f"image {number} says {image.get('width')!r:.20} x {image.get('height')!r:.20} pixels; "
            f"expected two whole numbers, of 1 to {max_pixels:,} pixels in all"
        )
    _expect_extras(image)
    size = {"height": height, "width": width}
    record = {**image, **size, "file_name": str(path), "image_id": number}
    del record["id"]
    return record


def _path(image_root: Path, name: str, notes: Notes) -> Path:
    """Where the photo is: where it is said to be, or right below the root under its own name.

    Windows programs part folders by backslashes and do not tell ``1.JPG`` from ``1.jpg``; others
    write whole paths of the machine they ran on, or begin with the root's own name.
    """
    stated = image_root / name.replace("\\", "/")
    own = PureWindowsPath(name).name  # which knows both separators
    for place in (name, name.replace("\\", "/"), own):
        suffix = Path(place).suffix
        for variant in dict.fromkeys((suffix, suffix.lower(), suffix.upper())):
            path = image_root / f"{place.removesuffix(suffix)}{variant}"
            if path.is_file():
                if place == own != name or variant != suffix:
                    notes.add("photos that were not at their path, but found by name", stated)
                return path
    return stated


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


def _annotate(
    record: DatasetDict, found: list[dict[str, Any]], categories: Categories, notes: Notes
) -> None:
    """Put the annotations into their record."""
    record["annotations"] = kept = []
    without: set[int] = set()
    for entry in found:
        category = number_of(entry.get("category_id"))
        if category is None:
            raise DataError(f"annotation {entry.get('id')!r:.40}: it has no number 'category_id'")
        category = categories.aliases.get(category, category)
        example = f"annotation {entry.get('id')!r:.40} of {record['file_name']}"
        if not has_mask(entry.get("segmentation")):
            without.add(category)
            notes.add("annotations without a mask, dropped", example)
            continue
        annotation = _annotation(entry, category, record, example, notes)
        if annotation["area"] or isinstance(entry["segmentation"], dict):
            kept.append(annotation)
        else:
            without.add(category)
            notes.add("annotations whose polygon encloses nothing, dropped", example)
    if without:
        known = record.get("annotated_categories", categories.names)
        record["annotated_categories"] = [one for one in known if one not in without]


def _annotation(
    entry: Mapping[str, Any], category: int, record: DatasetDict, example: str, notes: Notes
) -> dict[str, Any]:
    segmentation, size = entry["segmentation"], (record["height"], record["width"])
    try:
        rle = to_rle(segmentation, *size)
    except DataError as error:
        raise DataError(f"annotation {entry.get('id')!r:.40}: {error}") from error
    if overhang(segmentation, *size):
        notes.add("annotations with corners outside their photo, clipped", example)
    attributes = entry.get("attributes")
    marked = entry.get("subject") or (isinstance(attributes, dict) and attributes.get("subject"))
    return {
        **entry,
        "category_id": category,
        "segmentation": rle,
        "area": float(mask_area(rle)),
        "bbox": mask_box(rle),
        "iscrowd": int(whole(entry.get("iscrowd")) == 1 or entry.get("iscrowd") is True),
        **({"subject": True} if marked in (1, True, "1", "true", "True") else {}),
    }


def _note_crowds(records: list[DatasetDict], notes: Notes) -> None:
    """A crowd teaches nothing, and some programs mark everything as one."""
    crowds = [Counter(one["iscrowd"] for one in record["annotations"]) for record in records]
    for record, counts in zip(records, crowds, strict=True):
        if counts[1]:
            text = "annotations marked as crowds (iscrowd 1), which teach neither class nor subject"
            notes.add(text, record["file_name"], counts[1])
        if counts[1] and not counts[0]:
            text = "photos in which everything is a crowd; set iscrowd to 0 for single things"
            notes.add(text, record["file_name"])
