"""True masks of subjects, from a folder or from COCO json, as one kind of record."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.coco import Problem, read_coco
from vx_detectron.data.folders import read_folders
from vx_detectron.data.subjects import why_no_subject
from vx_detectron.errors import DataError
from vx_detectron.image_io import SUPPORTED_SUFFIXES, read_photo
from vx_detectron.structures import ByteArray

GREY = "masks with grey levels, read as white from 128 on"


@dataclass(frozen=True)
class Truths:
    """Photos whose subject is known.

    Attributes:
        records: one per photo, see ``vx_detectron.data.coco``, by name.
        image_root: the folder that photos are named from.
        categories: of the annotations; none for a folder of masks.
        problems: files that do not fit; they are not evaluated.
        notes: what else is worth knowing, and of how many photos.
        fingerprint: sha256 over the names and bytes of photos and truth, sorted by name.
    """

    records: list[DatasetDict]
    image_root: Path
    categories: Categories
    problems: list[Problem]
    notes: dict[str, int]
    fingerprint: str

    def name(self, record: DatasetDict) -> str:
        """What a photo and its masks are called: its path below the folder, without suffix."""
        return _place(Path(record["file_name"]), self.image_root).with_suffix("").as_posix()

    def category(self, record: DatasetDict) -> str:
        """The class of the photo's largest annotation; empty where it has no name."""
        largest = max(record["annotations"], key=lambda one: float(one["area"]))
        return self.categories.names.get(largest["category_id"], "")


def truths_from_folders(image_root: Path, mask_root: Path) -> Truths:
    """Photos and black-and-white masks of the same names.

    Raises:
        DataError: a folder is missing, or no mask belongs to a photo.
    """
    loaded = read_folders(image_root, mask_root, "subject")
    records = sorted(loaded.records, key=lambda record: str(record["file_name"]))
    if not records:
        raise DataError(
            f"no photo below {image_root} has a usable mask of its name below "
            f"{mask_root}{_first(loaded.problems)}"
        )
    photos = [Path(record["file_name"]) for record in records]
    by_name = dict(pictures(mask_root))
    masks = [by_name[_place(photo, image_root).with_suffix("").as_posix()] for photo in photos]
    grey = sum(_has_grey(mask) for mask in masks)
    return Truths(
        records,
        image_root,
        loaded.categories,
        loaded.problems,
        notes={GREY: grey} if grey else {},
        fingerprint=fingerprint([(image_root, photos), (mask_root, masks)]),
    )


def truths_from_coco(json_file: Path, image_root: Path) -> Truths:
    """Photos whose annotations say what the subject is, see ``vx_detectron.data.subjects``.

    Raises:
        DataError: the file cannot be used, or says of no photo what its subject is.
    """
    loaded = read_coco(json_file, image_root)
    notes = Counter[str]()
    records = []
    for record in sorted(loaded.records, key=lambda record: str(record["file_name"])):
        reason = why_no_subject(record)
        if reason is None:
            records.append(record)
        else:
            notes[f"photos left out because their subject is not known: {reason}"] += 1
    if not records:
        raise DataError(
            f"{json_file} says of none of its {len(loaded.records)} photos what the subject is; "
            f"{dict(notes)}{_first(loaded.problems)}"
        )
    photos = [Path(record["file_name"]) for record in records]
    truths = Truths(
        records,
        image_root,
        loaded.categories,
        loaded.problems,
        notes=dict(notes),
        fingerprint=fingerprint([(image_root, photos), (json_file.parent, [json_file])]),
    )
    name, times = Counter(map(truths.name, records)).most_common(1)[0]
    if times > 1:
        raise DataError(f"{json_file}: {times} photos are called {name}, whatever their suffix")
    return truths


def fingerprint(folders: Iterable[tuple[Path, list[Path]]]) -> str:
    """sha256 over the files' names below their folder and their bytes, in the names' order.

    The same data has the same fingerprint, wherever it lies. Of a file that cannot be read only
    the name counts; whoever needs its content will say so.
    """
    total = hashlib.sha256()
    for root, paths in folders:
        for path in sorted(paths):
            total.update(_place(path, root).as_posix().encode() + b"\0")
            with suppress(OSError):
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def read_annotated(record: DatasetDict) -> ByteArray:
    """The photo of a record, uint8 (H, W, 3), RGB, upright.

    Raises:
        ImageError: it cannot be read.
        DataError: it has another size than its annotations.
    """
    pixels = read_photo(record["file_name"]).pixels
    if pixels.shape[:2] != (record["height"], record["width"]):
        raise DataError(
            f"sizes differ: the photo is {pixels.shape[1]} x {pixels.shape[0]} pixels, upright, "
            f"its annotations are for {record['width']} x {record['height']}"
        )
    return pixels


def pictures(root: Path) -> Iterator[tuple[str, Path]]:
    """The pictures below a folder, hidden ones aside, with their path from it without suffix."""
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in SUPPORTED_SUFFIXES and not path.name.startswith("."):
            yield path.relative_to(root).with_suffix("").as_posix(), path


def _place(path: Path, root: Path) -> Path:
    """The path below the folder; a photo that a json file names elsewhere keeps its own."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def _has_grey(mask: Path) -> bool:
    """Whether there is something between black and white, which is 1 where nothing is above."""
    levels = read_photo(mask).pixels[..., 1]
    white = 1 if levels.max() == 1 else 255
    return bool(np.any((levels > 0) & (levels < white)))


def _first(problems: list[Problem]) -> str:
    return f"; the first problem: {problems[0].file_name}: {problems[0].reason}" if problems else ""
