"""Folders of photos and of masks, paired by name, to the same records as COCO json."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vx_detectron.data.categories import Categories, DatasetDict, number_from
from vx_detectron.data.coco import Loaded, Problem
from vx_detectron.data.masks import KINDS_OF_ONE_CLASS, Mask, read_masks
from vx_detectron.data.notes import Notes
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import MAX_PIXELS, SUPPORTED_SUFFIXES
from vx_detectron.rle import encode_mask, mask_area, mask_box

Files = dict[str, list[Path]]
"""Pictures by their path below a folder, without the suffix."""

# What may follow the photo's name in that of its mask: a word, a number, or both.
_WORDS = "mask|masks|seg|segmentation|gt|label|labels|alpha|matte|cutout|layer|object|instance"
_AFTER = re.compile(rf"[-_. /]?(?P<word>{_WORDS})?[-_. /]?\d*", re.IGNORECASE)


def read_folders(
    image_root: Path,
    mask_root: Path,
    kind: str,
    class_names: tuple[str, ...] = (),
    *,
    max_pixels: int = MAX_PIXELS,
) -> Loaded:
    """One record for every photo below ``image_root`` with masks of its name.

    To ``birds/1.jpg`` belongs ``birds/1.png`` below ``mask_root``; or else ``birds/1_mask.png``,
    ``birds/1_0.png`` and ``birds/1_1.png``, or ``birds/1/0.png``. Masks may lie beside their
    photos if a word such as ``mask`` is in their names. A record's size is that of its mask, its
    ``source`` the photo's folder, and its ``image_id`` comes from its name, so that it stays the
    same when photos are added.

    Args:
        image_root: folder of photos, searched to the bottom.
        mask_root: folder of masks; the same one for masks beside their photos, and for photos
            whose own transparency is the mask.
        kind: what the masks are, see ``VX.DATA.MASKS`` and ``masks``.
        class_names: of ``instances`` and ``ids`` one name or none, of ``classes`` those of the
            numbers 1..K.
        max_pixels: largest photo or mask, width x height.

    Raises:
        DataError: a folder is missing, the class names do not fit the kind, or no mask has
            anything in it.
    """
    categories = _categories(kind, class_names)
    photos, masks = pair(image_root, mask_root, kind == "alpha")
    problems = list(_unpaired(photos, masks, image_root, mask_root))
    notes, records = Notes(), []
    for place in sorted(photos.keys() & masks.keys()):
        if len(photos[place]) > 1 or _doubled(masks[place]):
            continue  # ``_unpaired`` says so
        photo = photos[place][0]
        try:
            found = read_masks(masks[place], kind, categories, max_pixels, notes)
            records.append(_record(place, photo, kind, found))
        except ImageError as error:
            problems.append(Problem(str(photo), f"its mask cannot be used: {error}"))
        except DataError as error:
            first = masks[place][0]
            problems.append(Problem(str(photo), f"its mask {first} cannot be used: {error}"))
    if records and not any(record["annotations"] for record in records):
        raise DataError(
            f"the masks of all {len(records)} photos are empty when read as "
            f"VX.DATA.MASKS {kind}. {'; '.join(notes.lines())}"
        )
    return Loaded(records, categories, problems, notes.lines())


def pair(image_root: Path, mask_root: Path, own: bool = False) -> tuple[Files, Files]:
    """Photos by name, and masks by the name of the photo that they belong to.

    Args:
        image_root: folder of photos.
        mask_root: folder of masks.
        own: whether, of one folder, each photo is its own mask.

    Raises:
        DataError: a folder is missing.
    """
    photos, masks = _by_place(image_root), _by_place(mask_root)
    same = image_root.resolve() == mask_root.resolve()
    if same and own:
        return photos, photos
    paired: Files = defaultdict(list)
    for place, paths in masks.items():
        owner = _owner(place, photos, same)
        if owner is None and same:
            continue  # a photo
        if same:
            del photos[place]
        paired[owner or place] += paths
    return photos, paired


def _owner(place: str, photos: Files, beside: bool) -> str | None:
    """The photo that a mask belongs to: the longest name that its own begins with."""
    if place in photos and not beside:
        return place
    for end in range(len(place) - 1, 0, -1):
        rest = _AFTER.fullmatch(place, end)
        if rest and place[:end] in photos and (rest["word"] or not beside):
            return place[:end]
    return None


def _categories(kind: str, class_names: tuple[str, ...]) -> Categories:
    if kind in ("subject", "alpha"):
        return Categories({})
    if kind in KINDS_OF_ONE_CLASS and len(class_names) > 1:
        raise DataError(
            f"masks of kind {kind!r} have one class, got {len(class_names)} names; pass one, or "
            "use masks of kind 'classes'"
        )
    if kind == "classes" and not class_names:
        raise DataError("masks of kind 'classes' need the names of the classes 1, 2, ...")
    return Categories(dict(enumerate(class_names or ("object",), start=1)))


def _by_place(root: Path) -> Files:
    if not root.is_dir():
        raise DataError(f"there is no folder {root}; expected photos, or masks, in it")
    found: Files = defaultdict(list)
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        hidden = any(part.startswith(".") for part in inner.parts)
        if path.suffix.lower() in SUPPORTED_SUFFIXES and not hidden and not path.is_dir():
            found[inner.with_suffix("").as_posix()].append(path)
    return found


def _unpaired(photos: Files, masks: Files, image_root: Path, mask_root: Path) -> Iterator[Problem]:
    """The files of one folder to which none, or more than one, of the other may belong."""
    for place, paths in sorted(photos.items()):
        if place not in masks:
            reason = f"has no mask: expected {place}.* below {mask_root}"
            yield from (Problem(str(path), reason) for path in paths)
        elif len(paths) > 1:
            yield from _alike(paths)
    for place, paths in sorted(masks.items()):
        if place not in photos:
            reason = f"has no photo: expected {place}.* below {image_root}"
            yield from (Problem(str(path), reason) for path in paths)
        elif _doubled(paths) and paths is not photos[place]:
            yield from _alike(paths)


def _doubled(masks: Sequence[Path]) -> bool:
    """Whether two masks differ in nothing but their suffix."""
    return len({path.with_suffix("") for path in masks}) < len(masks)


def _alike(paths: Sequence[Path]) -> Iterator[Problem]:
    reason = f"{len(paths)} files in one folder differ only in their suffix; keep one"
    yield from (Problem(str(path), reason) for path in paths)


def _record(place: str, photo: Path, kind: str, masks: list[Mask]) -> DatasetDict:
    number = number_from(place)
    height, width = masks[0].size
    annotations: list[dict[str, Any]] = []
    for mask in masks:
        for category, piece in mask.pieces:
            annotations.append(_annotation(len(annotations) + 1, number, category, piece))
    return {
        "file_name": str(photo),
        "height": height,
        "width": width,
        "image_id": number,
        "source": Path(place).parent.as_posix(),
        "mask_kind": "subject" if kind in ("subject", "alpha") else "instance",
        "annotations": annotations,
    }


def _annotation(index: int, image_id: int, category: int, mask: np.ndarray) -> dict[str, Any]:
    rle = encode_mask(mask)
    return {
        "id": index,
        "image_id": image_id,
        "category_id": category,
        "iscrowd": 0,
        "area": float(mask_area(rle)),
        "bbox": mask_box(rle),
        "segmentation": rle,
    }
