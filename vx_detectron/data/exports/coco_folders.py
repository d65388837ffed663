"""A folder with a COCO json for each of train, valid and test, as Roboflow and COCO have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from vx_detectron.data.categories import number_of
from vx_detectron.data.coco import read_json
from vx_detectron.data.exports.content import SPLITS, Content
from vx_detectron.errors import DataError


class Split(NamedTuple):
    """One of the files.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        json_file: its annotations.
        photos: the folder that its file names start from.
    """

    name: str
    json_file: Path
    photos: Path


def find(folder: Path) -> list[Split]:
    """The splits of a folder; none where it is not such a folder."""
    found = []
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        name = inner.name.casefold().rstrip("0123456789")  # COCO has train2017
        if name not in SPLITS:
            continue
        beside = sorted(folder.glob(f"annotations/instances_{inner.name}.json"))
        files = [*sorted(inner.glob("*.json")), *sorted(inner.glob("annotations/*.json")), *beside]
        files = [path for path in files if _is_coco(path)]
        if len(files) > 1:
            raise DataError(f"{inner} has {len(files)} COCO files; keep one of them")
        photos = inner / "images" if (inner / "images").is_dir() else inner
        found += [Split(SPLITS[name], path, photos) for path in files]
    return found


def read(splits: list[Split]) -> dict[str, Any]:
    """The content of one COCO file with all splits; their classes are matched by name.

    Raises:
        DataError: a file is invalid.
    """
    content, categories = Content(), list[dict[str, Any]]()
    for split in splits:
        found = read_json(split.json_file)
        names = _names(found, split.json_file)
        if not categories:  # the ids of the first file, which order the classes, are kept
            categories = found.get("categories", [])
        content.ids |= {name: number for number, name in reversed(names.items())
                        if name not in content.ids}  # fmt: skip
        photos = {}
        for image in found["images"]:
            path = split.photos / str(image["file_name"]).replace("\\", "/")
            extra = {k: v for k, v in image.items() if k not in ("id", "file_name", "split")}
            photos[number_of(image["id"])] = content.add_image(path, split=split.name, **extra)
        for one in found["annotations"]:
            image = photos.get(number_of(one.get("image_id")))
            name = names.get(number_of(one.get("category_id")) or 0)
            if image is None or name is None:
                raise DataError(
                    f"{split.json_file}: annotation {one.get('id')!r:.40} is of an image or a "
                    "category that the file does not list"
                )
            rest = {k: v for k, v in one.items() if k not in ("id", "image_id", "category_id")}
            content.add(image, name, rest.pop("segmentation", None), **rest)
    return {**content.whole(), "categories": _named_as_in(categories, content)}


def _names(found: Any, source: Path) -> dict[int, str]:
    try:
        return {number_of(one["id"]) or 0: str(one["name"]) for one in found["categories"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"{source}: its 'categories' are invalid: {error!r:.80}") from error


def _named_as_in(first: list[dict[str, Any]], content: Content) -> list[dict[str, Any]]:
    """The first file's categories, with what it says of their groups, and those of the others."""
    listed = {str(one.get("name")) for one in first}
    others = [one for one in content.whole()["categories"] if one["name"] not in listed]
    return [*first, *others]


def _is_coco(path: Path) -> bool:
    found = read_json(path)
    return isinstance(found, dict) and {"images", "annotations"} <= found.keys()
