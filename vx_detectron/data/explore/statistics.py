"""What a data set consists of, in counts that a chart or a json file can show as they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from vx_detectron.data.categories import Categories, DatasetDict
from vx_detectron.data.coco import Loaded
from vx_detectron.data.subjects import subject_rle, why_no_subject
from vx_detectron.rle import mask_area

Counts = dict[str, int]

# COCO's bounds between small, medium and large, in pixels of area.
_COCO_AREAS = (32**2, 96**2)
_SHARES = (1, 5, 10, 25, 50)  # percent of the photo
_ASPECTS = (0.5, 0.67, 0.9, 1.1, 1.5, 2.0)  # width / height
_SIDES = (256, 512, 1024, 2048)  # pixels
_INSTANCES = (1, 2, 3, 4, 6, 11, 21)
_INSTANCE_LABELS = ("0", "1", "2", "3", "4 to 5", "6 to 10", "11 to 20", "21 or more")


def statistics(loaded: Loaded) -> dict[str, Any]:
    """Figures of the good records, and the problems of the others.

    Returns:
        Plain lists, dicts, numbers and texts. Charts are dicts from a label to a count, in the
        order in which they are to be shown.
    """
    records, categories, problems, notes = loaded
    annotations = [(one, record) for record in records for one in record["annotations"]]
    return {
        "photos": len(records),
        "left_out": len(problems),
        "annotations": len(annotations),
        "crowds": sum(one["iscrowd"] for one, _ in annotations),
        "complete_photos": sum(map(categories.complete, records)),
        "sources": _sources(records),
        "classes": _classes(records, categories),
        "charts": {
            "photos": _photo_charts(records),
            "instances": _instance_charts(annotations),
            "subjects": _subject_charts(records),
        },
        "problems": [problem._asdict() for problem in problems],
        "notes": notes,
    }


def _sources(records: Sequence[DatasetDict]) -> dict[str, Counts]:
    """Photos of each source, by split."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        found[record.get("source", "(not given)")][record.get("split", "train")] += 1
    return {source: dict(sorted(splits.items())) for source, splits in sorted(found.items())}


def _classes(records: Sequence[DatasetDict], categories: Categories) -> dict[str, Counts]:
    """Instances and photos of each class, the most frequent first."""
    instances: Counter[int] = Counter()
    photos: Counter[int] = Counter()
    for record in records:
        found = [one["category_id"] for one in record["annotations"]]
        instances.update(found)
        photos.update(set(found))
    names = {**categories.names}
    names |= dict.fromkeys(sorted(categories.subject_ids), "(subject, no class)")
    order = sorted(names, key=lambda number: (-instances[number], number))
    return {
        "instances": {names[number]: instances[number] for number in order},
        "photos": {names[number]: photos[number] for number in order},
    }


def _photo_charts(records: Sequence[DatasetDict]) -> dict[str, Counts]:
    found = [len(record["annotations"]) for record in records]
    return {
        "annotations a photo": _binned(found, _INSTANCES, _INSTANCE_LABELS),
        "longer side, pixels": _binned([max(r["width"], r["height"]) for r in records], _SIDES),
        "width / height": _binned([r["width"] / r["height"] for r in records], _ASPECTS),
    }


def _instance_charts(
    annotations: Sequence[tuple[dict[str, Any], DatasetDict]],
) -> dict[str, Counts]:
    areas = [one["area"] for one, _ in annotations]
    boxes = [one["bbox"] for one, _ in annotations]
    shares = [100 * one["area"] / (r["width"] * r["height"]) for one, r in annotations]
    sides = Counter(_border_sides(one["bbox"], record) for one, record in annotations)
    return {
        "area as COCO counts it": _binned(areas, _COCO_AREAS, ("small", "medium", "large")),
        "share of the photo, percent": _binned(shares, _SHARES),
        "width / height of the box": _binned([w / h for _, _, w, h in boxes], _ASPECTS),
        "sides of the photo it touches": {str(count): sides[count] for count in range(5)},
    }


def _border_sides(box: Sequence[float], record: DatasetDict) -> int:
    """How many of the photo's four sides the box x, y, w, h comes within a pixel of."""
    x, y, width, height = box
    right, bottom = record["width"] - x - width, record["height"] - y - height
    return sum(gap < 1 for gap in (x, y, right, bottom))


def _subject_charts(records: Sequence[DatasetDict]) -> dict[str, Counts]:
    verdicts = Counter(why_no_subject(record) or "found" for record in records)
    shares = [
        100 * mask_area(subject_rle(record)) / (record["width"] * record["height"])
        for record in records
        if why_no_subject(record) is None
    ]
    return {
        "subject": dict(verdicts.most_common()),
        "share of the photo, percent": _binned(shares, _SHARES),
    }


def _binned(values: Iterable[float], bounds: Sequence[float], labels: Sequence[str] = ()) -> Counts:
    """How many values lie below the first bound, from each bound up to the next, and above."""
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(bounds)]
    labels = labels or [f"below {bounds[0]:g}", *inner, f"{bounds[-1]:g} or more"]
    found = np.bincount(np.digitize(list(values), bounds), minlength=len(labels))
    return dict(zip(labels, found.tolist(), strict=True))
