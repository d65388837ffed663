"""COCO's average precision of the detector itself, boxes and masks, by pycocotools.

A class counts in a photo only where it is annotated there: of photos that list their
``annotated_categories`` all other predictions are dropped, as LVIS does it, since nobody knows
whether they are right. Photos whose objects have no class are left out.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vx_detectron import __version__
from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.coco import Loaded, read_coco
from vx_detectron.engines import Detector
from vx_detectron.errors import DataError, ImageError
from vx_detectron.evaluation.predictors import detector_facts
from vx_detectron.evaluation.results import Results, problem
from vx_detectron.evaluation.truths import fingerprint, read_annotated
from vx_detectron.rle import encode_mask, mask_area
from vx_detectron.structures import Instances

SCHEMA = "vx-evaluation-detection/1"

# The order of COCOeval.stats; -1 there means that nothing of the kind is annotated.
STATS = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
)


class DetectionData(NamedTuple):
    """Annotated photos; see ``read_detection_data``."""

    loaded: Loaded
    json_file: Path
    image_root: Path


def read_detection_data(json_file: Path, image_root: Path) -> DetectionData:
    """Read COCO annotations, before any network is loaded.

    Raises:
        DataError: they cannot be used.
    """
    loaded = read_coco(json_file, image_root)
    if not loaded.records:
        reason = f": {loaded.problems[0].reason}" if loaded.problems else ""
        raise DataError(f"{json_file}: no photo can be measured{reason}")
    return DetectionData(loaded, json_file, image_root)


def evaluate_detection(
    engine: Detector,
    data: DetectionData,
    *,
    every: int = 1,
    progress: Callable[[], object] = lambda: None,
) -> Results:
    """Run the network over annotated photos and compute AP, 0..1, for boxes and masks.

    Returns:
        Results: ``summary`` has ``bbox`` and ``segm`` with ``STATS``, None where nothing of the
        kind is annotated; ``classes`` has the AP of each class likewise.

    Raises:
        DataError: no photo can be measured, such as where no class is known to both.
    """
    started = perf_counter()
    loaded, json_file, image_root = data
    numbers = {name: number for number, name in loaded.categories.names.items()}
    known = {numbers[name] for name in engine.class_names if name in numbers}
    notes = Counter[str]()
    problems = [problem("unusable data", *one) for one in loaded.problems]
    records, detections = [], []
    for record in _annotated(loaded.records, known, notes)[::every]:
        try:
            found = engine.predict(read_annotated(record))
            detections += detections_of(found, record, numbers, known)
            records.append(record)
        except (DataError, ImageError) as error:
            problems.append(problem("not measured", record["file_name"], str(error)))
        progress()
    if not records:
        raise DataError(
            f"{json_file}: no photo can be measured; of its {len(numbers)} categories the network "
            f"knows {len(known)}; {dict(notes)}; {problems[0]['reason'] if problems else ''}"
        )
    photos = [Path(record["file_name"]) for record in records]
    summary, classes = average_precision(records, detections, known)
    names = loaded.categories.names
    return {
        "schema": SCHEMA,
        "version": __version__,
        "data": {
            "fingerprint": fingerprint([(json_file.parent, [json_file]), (image_root, photos)]),
            "photos": len(records),
            "notes": dict(notes),
            "unknown_categories": sorted(set(numbers) - set(engine.class_names)),
        },
        "prediction": detector_facts(engine),
        "problems": problems,
        "seconds": perf_counter() - started,
        "summary": summary,
        "classes": {
            kind: {names[number]: value for number, value in values.items()}
            for kind, values in classes.items()
        },
        "photos": [],
    }


def _annotated(
    records: list[DatasetDict], known: set[int], notes: Counter[str]
) -> list[DatasetDict]:
    """The photos in which some known class is annotated for certain, by name."""
    kept = []
    for record in sorted(records, key=lambda one: str(one["file_name"])):
        if record.get("mask_kind") == "subject":
            notes["photos left out because only their subject is annotated"] += 1
        elif not is_annotated(record, known):
            notes["photos left out because no known class is annotated"] += 1
        else:
            kept.append(record)
    return kept


def is_annotated(record: DatasetDict, known: set[int]) -> bool:
    """Whether predictions of some known category can be judged in a photo."""
    return record.get("mask_kind") != "subject" and bool(_classes(record, known))


def _classes(record: DatasetDict, known: set[int]) -> set[int]:
    """The known categories that are annotated in a photo, wherever they are in it."""
    return known & set(record.get("annotated_categories", known))


def detections_of(
    instances: Instances, record: DatasetDict, numbers: Mapping[str, int], known: set[int]
) -> list[dict[str, Any]]:
    """What was found, in COCO's results format.

    Args:
        instances: of the photo.
        record: says which categories are annotated in it; predictions of others are dropped.
        numbers: category id by class name.
        known: ids of the categories that count at all.
    """
    allowed = _classes(record, known)
    found = []
    for index in range(len(instances)):
        category = numbers.get(instances.label(index))
        if category not in allowed:
            continue
        x0, y0, x1, y1 = (float(side) for side in instances.boxes[index])
        found.append(
            {
                "image_id": record["image_id"],
                "category_id": category,
                "score": float(instances.scores[index]),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "segmentation": encode_mask(instances.soft_mask(index) >= 0.5),
            }
        )
    return found


def average_precision(
    records: list[DatasetDict], detections: list[dict[str, Any]], known: set[int]
) -> tuple[dict[str, dict[str, float | None]], dict[str, dict[int, float | None]]]:
    """COCO's figures, 0..1, None where nothing of the kind is annotated.

    Args:
        records: the photos that were looked at, see ``is_annotated``.
        detections: in them, see ``detections_of``.
        known: ids of the categories that count.

    Returns:
        For ``bbox`` and ``segm`` the ``STATS``; and for both the AP of each category.
    """
    summary, classes = {}, {}
    for kind in ("bbox", "segm"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what the table says too
            truth, found = COCO(), COCO()
            truth.dataset = _dataset(records, _truths(records, known))
            found.dataset = _dataset(records, _results(detections, kind))
            truth.createIndex()
            found.createIndex()
            judge = COCOeval(truth, found, kind)
            judge.params.catIds = sorted(known)
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        values = dict(zip(STATS, map(float, judge.stats), strict=True))
        summary[kind] = {name: None if value == -1 else value for name, value in values.items()}
        # By IoU threshold, recall, category, area ("all" first) and number of detections.
        precision = judge.eval["precision"][:, :, :, 0, -1].mean(axis=(0, 1))
        of_classes = zip(judge.params.catIds, map(float, precision), strict=True)
        classes[kind] = {number: None if value < 0 else value for number, value in of_classes}
    return summary, classes


def _dataset(records: list[DatasetDict], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    images = [
        {"id": record["image_id"], "height": record["height"], "width": record["width"]}
        for record in records
    ]
    return {"images": images, "annotations": annotations, "categories": []}


def _truths(records: list[DatasetDict], known: set[int]) -> list[dict[str, Any]]:
    """The annotations that count, numbered from 1: COCOeval takes the id 0 for "no match"."""
    kept = [
        one
        for record in records
        for one in record["annotations"]
        if one["category_id"] in _classes(record, known)
    ]
    return [{**one, "id": number} for number, one in enumerate(kept, start=1)]


def _results(detections: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """With the ids and areas that ``COCO.loadRes`` gives; that one fails on an empty list."""
    return [
        {**one, "id": number, "iscrowd": 0, "area": _area(one, kind)}
        for number, one in enumerate(detections, start=1)
    ]


def _area(detection: dict[str, Any], kind: str) -> float:
    _, _, width, height = detection["bbox"]
    return float(mask_area(detection["segmentation"]) if kind == "segm" else width * height)
