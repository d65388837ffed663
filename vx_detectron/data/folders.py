"""Folders of photos and of masks, paired by name, to the same records as COCO json."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.coco import Loaded, Problem
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import MAX_PIXELS, SUPPORTED_SUFFIXES, read_labels, read_photo
from vx_detectron.rle import encode_mask, mask_area, mask_box
from vx_detectron.structures import SUBJECT_ID, BoolArray

VOID = 255
"""The class number of pixels that belong to nothing, as in PASCAL VOC."""

# How far the colours of a grey picture may be apart, 0..255: JPEG stores them as three channels.
_GREY = 16


def read_folders(
    image_root: Path,
    mask_root: Path,
    kind: str,
    class_names: tuple[str, ...] = (),
    *,
    max_pixels: int = MAX_PIXELS,
) -> Loaded:
    """One record for every photo below ``image_root`` with a mask of the same name.

    ``birds/1.jpg`` belongs to ``birds/1.png`` below ``mask_root``; only the suffix may differ.
    A record's size is that of its mask, its ``source`` the photo's folder, and its ``image_id``
    comes from its name, so that it stays the same when photos are added.

    Args:
        image_root: folder of photos, searched to the bottom.
        mask_root: folder of masks.
        kind: what the masks are. ``subject``: black and white or grey, the one subject.
            ``instances``: the same, but each connected piece is an instance of one class.
            ``classes``: each pixel is the number of its class, 0 is background and ``VOID``
            nothing; each connected piece of a class is an instance.
        class_names: of ``instances`` one name or none, of ``classes`` those of the numbers 1..K.
        max_pixels: largest photo or mask, width x height.

    Raises:
        DataError: a folder is missing, or the class names do not fit the kind.
    """
    categories = _categories(kind, class_names)
    photos, masks = _by_place(image_root), _by_place(mask_root)
    problems = [*_unpaired(photos, masks, mask_root), *_unpaired(masks, photos, image_root)]
    records = []
    for place in sorted(photos.keys() & masks.keys()):
        if len(photos[place]) > 1 or len(masks[place]) > 1:
            continue  # ``_unpaired`` says so
        photo, mask = photos[place][0], masks[place][0]
        try:
            records.append(_record(place, photo, mask, kind, categories, max_pixels))
        except ImageError as error:
            problems.append(Problem(str(photo), f"its mask cannot be used: {error}"))
        except DataError as error:
            problems.append(Problem(str(photo), f"its mask {mask} cannot be used: {error}"))
    return Loaded(records, categories, problems)


def _categories(kind: str, class_names: tuple[str, ...]) -> Categories:
    if kind == "subject":
        return Categories({})
    if kind == "instances" and len(class_names) > 1:
        raise DataError(
            f"masks of kind 'instances' have one class, got {len(class_names)} names; give one, or "
            "use masks of kind 'classes'"
        )
    if kind == "classes" and not class_names:
        raise DataError("masks of kind 'classes' need the names of the classes 1, 2, ...")
    return Categories(dict(enumerate(class_names or ("object",), start=1)))


def _by_place(root: Path) -> dict[str, list[Path]]:
    """The pictures below a folder, by their path from it without the suffix."""
    if not root.is_dir():
        raise DataError(f"there is no folder {root}; expected photos, or masks, in it")
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        hidden = any(part.startswith(".") for part in inner.parts)
        if path.suffix.lower() in SUPPORTED_SUFFIXES and not hidden and not path.is_dir():
            found[inner.with_suffix("").as_posix()].append(path)
    return found


def _unpaired(
    ours: dict[str, list[Path]], theirs: dict[str, list[Path]], their_root: Path
) -> Iterator[Problem]:
    """The files of one folder to which none, or more than one, of the other may belong."""
    for place, paths in sorted(ours.items()):
        if place not in theirs:
            reason = f"has no partner: expected {place}.* below {their_root}"
            yield from (Problem(str(path), reason) for path in paths)
        elif len(paths) > 1:
            reason = f"{len(paths)} files of one folder differ in their suffix only; keep one"
            yield from (Problem(str(path), reason) for path in paths)


def _record(
    place: str, photo: Path, mask: Path, kind: str, categories: Categories, max_pixels: int
) -> DatasetDict:
    if kind == "classes":
        labels = read_labels(mask, max_pixels=max_pixels)
    else:
        labels = _read_binary(mask, max_pixels).astype(np.int32)
    pieces = list(_pieces(labels, kind, categories))
    number = int.from_bytes(hashlib.sha256(place.encode()).digest()[:6], "big")
    height, width = labels.shape
    return {
        "file_name": str(photo),
        "height": height,
        "width": width,
        "image_id": number,
        "source": Path(place).parent.as_posix(),
        "mask_kind": "subject" if kind == "subject" else "instance",
        "annotations": [
            _annotation(index, number, category, piece)
            for index, (category, piece) in enumerate(pieces, start=1)
        ],
    }


def _read_binary(path: Path, max_pixels: int) -> BoolArray:
    """Bool (H, W): the brighter half of the grey levels, or, of the numbers 0 and 1, the 1."""
    photo = read_photo(path, max_pixels=max_pixels)
    if photo.had_alpha or np.ptp(photo.pixels, axis=2).max() > _GREY:
        raise DataError("it is coloured or transparent; expected black, white and grey")
    grey = photo.pixels[..., 1]
    return grey >= (1 if grey.max() == 1 else 128)


def _pieces(
    labels: NDArray[np.int32], kind: str, categories: Categories
) -> Iterator[tuple[int, BoolArray]]:
    """Category id and mask, bool (H, W), of every instance."""
    if kind == "subject":
        yield SUBJECT_ID, labels > 0
        return
    for category in np.setdiff1d(labels, [0, VOID]).tolist():
        if not categories.knows(category):
            raise DataError(
                f"it has the class number {category}; expected 0 to {len(categories.names)}, or "
                f"{VOID} for nothing"
            )
        count, parts = cv2.connectedComponents((labels == category).astype(np.uint8))
        yield from ((category, parts == part) for part in range(1, count))


def _annotation(index: int, image_id: int, category: int, mask: BoolArray) -> dict[str, Any]:
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
