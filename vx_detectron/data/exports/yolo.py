"""YOLO's segmentation labels: a ``data.yaml``, folders of photos, and a text file for each photo.

A line is ``class x0 y0 x1 y1 ...`` with corners as shares of the photo's width and height; with
four numbers it is a box. ``images`` in a photo's path becomes ``labels`` in that of its labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from vx_detectron.data.exports.content import SPLITS, Content
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import SUPPORTED_SUFFIXES, read_size


def read(source: Path, max_pixels: int) -> dict[str, Any]:
    """The content of a COCO file.

    Raises:
        DataError: the yaml or a label file is invalid, or a folder it names is missing.
    """
    settings = _settings(source)
    names, content = _names(settings, source), Content()
    for name in names.values():
        content.category(name)
    for key, split in SPLITS.items():
        for photo in _photos(settings.get(key), settings, source):
            try:
                height, width = read_size(photo, max_pixels=max_pixels)
            except ImageError:  # whoever checks the photos says so
                content.add_image(photo, split=split)
                continue
            image = content.add_image(photo, split=split, height=height, width=width)
            for name, polygon in _shapes(_labels_of(photo), names, width, height):
                content.add(image, name, polygon)
    return content.whole()


def _settings(source: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(source.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"cannot read {source}: {error}") from error
    if not isinstance(found, dict) or "names" not in found or not SPLITS.keys() & found.keys():
        raise DataError(f"{source} should be a YOLO data set with 'names', 'train' and 'val'")
    return found


def _names(settings: dict[str, Any], source: Path) -> dict[int, str]:
    names = settings["names"]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(type(number) is int for number in names):
        raise DataError(f"{source}: 'names' should list the classes, got {names!r:.80}")
    return {number: str(name) for number, name in names.items()}


def _photos(entry: Any, settings: dict[str, Any], source: Path) -> Iterator[Path]:
    """The photos of a split: of a folder, of several, or of a text file that lists them."""
    base = source.parent / str(settings.get("path") or "")
    for one in entry if isinstance(entry, list) else [entry] if entry else []:
        # Roboflow writes "../train/images" beside the folder "train" itself.
        tries = [base / str(one), source.parent / str(one)]
        tries += [source.parent / str(one).removeprefix("../")]
        place = next((path for path in tries if path.exists()), None)
        if place is None:
            raise DataError(
                f"{source} names {one!r}, but there is no such folder or file: {base / str(one)}"
            )
        if place.is_file():
            listed = place.read_text(encoding="utf-8-sig").split("\n")
            yield from (place.parent / line.strip() for line in listed if line.strip())
        else:
            files = sorted(place.rglob("*"))
            yield from (path for path in files if path.suffix.lower() in SUPPORTED_SUFFIXES)


def _labels_of(photo: Path) -> Path:
    parts = list(photo.with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts)


def _shapes(
    labels: Path, names: dict[int, str], width: int, height: int
) -> Iterator[tuple[str, list[list[float]] | None]]:
    """Class and polygon of each line; without a file nothing is in the photo, as YOLO has it."""
    if not labels.is_file():
        return
    for number, line in enumerate(labels.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            first, *shares = map(float, line.split())
            name = names[int(first)]
        except (ValueError, KeyError) as error:
            raise DataError(
                f"{labels}, line {number}: expected a class of {sorted(names)} and numbers, got "
                f"{line!r:.60}"
            ) from error
        if len(shares) <= 5:  # a box, perhaps with a confidence
            yield name, None
        else:
            yield name, [[s * (height if k % 2 else width) for k, s in enumerate(shares)]]
