"""What is wrong with records: against their files, and among themselves."""

from __future__ import annotations

from collections import Counter

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.coco import Problem
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import MAX_PIXELS, read_photo, read_size

# Where more than this share is broken, it is no accident: a wrong folder, or a half-copied one.
MOST_BROKEN = 0.5


def check_records(
    records: list[DatasetDict],
    categories: Categories,
    *,
    decode: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> tuple[list[DatasetDict], list[Problem]]:
    """Separate the records that can be trained on from the others.

    Left out are photos that are missing, unreadable, or of another size than their record says,
    that occur twice, or that have an annotation with an empty mask or an unknown category.

    Args:
        records: as ``read_coco`` and ``read_folders`` give them.
        categories: the known ones.
        decode: read every photo whole, which also finds damage behind the head of the file.
        max_pixels: largest photo, width x height.

    Returns:
        The good records in their order, and one problem for each of the others.
    """
    ids = Counter(record["image_id"] for record in records)
    seen: set[str] = set()
    good: list[DatasetDict] = []
    problems: list[Problem] = []
    for record in records:
        name = record["file_name"]
        try:
            if ids[record["image_id"]] > 1:
                raise DataError(
                    f"{ids[record['image_id']]} photos have its id {record['image_id']}"
                )
            if name in seen:
                raise DataError("it is already listed under another id")
            seen.add(name)
            _expect_annotations(record, categories)
            _expect_photo(record, decode, max_pixels)
            good.append(record)
        except (DataError, ImageError) as error:
            problems.append(Problem(name, str(error).removeprefix(f"{name}: ")))
    return good, problems


def expect_enough(good: int, problems: list[Problem]) -> None:
    """Raise DataError if nothing is left, or so little that something else must be wrong.

    Args:
        good: how many photos can be used.
        problems: why the others cannot.
    """
    if good > 0 and len(problems) <= MOST_BROKEN * (good + len(problems)):
        return
    if not problems:
        raise DataError("the data has no photos at all; expected some to learn from")
    first = "; ".join(f"{problem.file_name}: {problem.reason}" for problem in problems[:3])
    raise DataError(
        f"only {good} of {good + len(problems)} photos can be used. {first}"
        f"{'; ...' if len(problems) > 3 else ''} (vx explore lists all)"
    )


def _expect_annotations(record: DatasetDict, categories: Categories) -> None:
    for annotation in record["annotations"]:
        name = f"annotation {annotation.get('id')}"
        if not categories.knows(annotation["category_id"]):
            raise DataError(f"{name}: its category {annotation['category_id']} is not listed")
        if annotation["area"] < 1:
            raise DataError(f"{name}: its mask is empty")


def _expect_photo(record: DatasetDict, decode: bool, max_pixels: int) -> None:
    path = record["file_name"]
    if decode:
        size = read_photo(path, max_pixels=max_pixels).pixels.shape[:2]
    else:
        size = read_size(path, max_pixels=max_pixels)
    wanted = record["height"], record["width"]
    if size == wanted:
        return
    turned = size == wanted[::-1]
    raise DataError(
        f"the photo is {size[1]} x {size[0]} pixels, its annotations are for "
        f"{wanted[1]} x {wanted[0]}"
        + ("; they may date from before it was turned upright (EXIF)" if turned else "")
    )
