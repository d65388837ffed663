"""The page of a data set: one HTML file without any other, and its figures as json beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.coco import Loaded, Problem
from vx_detectron.data.explore.pictures import draw, sample_records
from vx_detectron.data.explore.statistics import statistics
from vx_detectron.data.page import render
from vx_detectron.data.subjects import has_subject, why_no_subject
from vx_detectron.errors import ImageError
from vx_detectron.files import write_text
from vx_detectron.image_io import MAX_PIXELS

_TEMPLATE = Path(__file__).with_name("page.html.jinja")

PAGE, FIGURES = "index.html", "stats.json"

# So many problems are listed on the page; the json file has them all.
_LISTED = 300


class Tile(NamedTuple):
    """A photo of the contact sheet: its picture as a data URI, its name, and words about it."""

    picture: str
    name: str
    words: str


def write_report(
    loaded: Loaded, folder: Path, title: str, photos: int, *, max_pixels: int = MAX_PIXELS
) -> Loaded:
    """Write ``index.html`` and ``stats.json`` into a folder, which is made if need be.

    Args:
        loaded: the data set, checked.
        folder: where to.
        title: of the page.
        photos: how many photos to draw: half of them with a subject, half without.
        max_pixels: largest photo, width x height.

    Returns:
        The data set without photos that turned out to be damaged when they were to be drawn.

    Raises:
        DataError: a file cannot be written.
    """
    tiles, broken = {}, []
    for name, wanted in (("With a subject", True), ("Without a subject", False)):
        records = [record for record in loaded.records if has_subject(record) is wanted]
        sample = sample_records(records, photos // 2)
        tiles[name], problems = _tiles(sample, loaded.categories, max_pixels)
        broken += problems
    names = {problem.file_name for problem in broken}
    left = [record for record in loaded.records if record["file_name"] not in names]
    loaded = loaded._replace(records=left, problems=[*loaded.problems, *broken])
    figures = statistics(loaded)
    write_text(folder / FIGURES, json.dumps(figures, indent=1) + "\n")
    page = render(_TEMPLATE, title=title, figures=figures, tiles=tiles, listed=_LISTED)
    write_text(folder / PAGE, page + "\n")
    return loaded


def _tiles(
    records: list[DatasetDict], categories: Categories, max_pixels: int
) -> tuple[list[Tile], list[Problem]]:
    """The tiles of some records; a photo that turns out to be damaged is a problem."""
    tiles, problems = [], []
    for record in records:
        name = record["file_name"]
        try:
            picture = draw(record, max_pixels=max_pixels)
        except ImageError as error:
            problems.append(Problem(name, str(error).removeprefix(f"{name}: ")))
            continue
        tiles.append(Tile(picture, "/".join(Path(name).parts[-2:]), _words(record, categories)))
    return tiles, problems


def _words(record: DatasetDict, categories: Categories) -> str:
    """What is annotated, and whether it has a subject."""
    names = [categories.names.get(one["category_id"], "") for one in record["annotations"]]
    kinds = ", ".join(sorted({name for name in names if name})) or "no class"
    reason = why_no_subject(record)
    verdict = f"no subject: {reason}" if reason else "subject found"
    return f"{len(names)} annotated ({kinds}); {verdict}"
