"""Subject choice over labelled photos, given the true things and end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from vx_detectron import __version__
from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.coco import Loaded, read_coco
from vx_detectron.errors import DataError, ImageError
from vx_detectron.evaluation.choice_labels import (
    CLEAR,
    ChoiceLabel,
    read_choice_labels,
    true_instances,
    true_masks,
)
from vx_detectron.evaluation.predictors import network_facts
from vx_detectron.evaluation.results import Results, problem
from vx_detectron.evaluation.slices import NONE, centrality_slice, size_slice
from vx_detectron.evaluation.subject_choice import (
    Row,
    answer_of,
    judge,
    judge_masks,
    shares,
    summarise_choices,
)
from vx_detectron.evaluation.truths import fingerprint, read_annotated
from vx_detectron.pipeline import Isolator, OpenPhoto

SCHEMA = "vx-evaluation-choice/1"
WAYS = ("given", "end_to_end")


class ChoiceData(NamedTuple):
    """Labelled photos; see ``read_choice_data``."""

    labels: list[ChoiceLabel]
    loaded: Loaded
    labels_file: Path
    json_file: Path
    image_root: Path

    def record(self, label: ChoiceLabel) -> DatasetDict:
        """The photo of a label. Raises DataError where there is none."""
        for record in self.loaded.records:
            if record["image_id"] == label.image_id:
                return record
        raise DataError(f"{self.json_file} has no usable image {label.image_id}")


def read_choice_data(labels_file: Path, json_file: Path, image_root: Path) -> ChoiceData:
    """Read what people say is the subject, before any network is loaded.

    Args:
        labels_file: see ``choice_labels``.
        json_file: COCO annotations of the photos.
        image_root: the folder that their names start from.

    Raises:
        DataError: the labels or the annotations cannot be used, or not one label fits them.
    """
    labels, loaded = read_choice_labels(labels_file), read_coco(json_file, image_root)
    data = ChoiceData(labels, loaded, labels_file, json_file, image_root)
    reasons = []
    for label in labels:
        try:
            true_masks(label, data.record(label))
            return data
        except DataError as error:
            reasons.append(str(error))
    raise DataError(f"not one labelled photo can be used: {reasons[0]}")


def evaluate_choice(
    isolator: Isolator,
    data: ChoiceData,
    progress: Callable[[], object] = lambda: None,
) -> Results:
    """Run the chooser on every labelled photo, in both ways.

    Returns:
        Results: ``summary`` and ``slices`` (of the clear photos) under ``given`` and
        ``end_to_end``, and ``photos``, a row a photo. See ``summarise_choices``.

    Raises:
        DataError: not one photo can be used.
    """
    started = perf_counter()
    labels = data.labels
    rows: list[Row] = []
    problems: list[dict[str, str]] = []
    for label in labels:
        try:
            rows.append(_row(isolator, label, data.record(label), data.loaded))
        except (DataError, ImageError) as error:
            problems.append(problem("not measured", f"image {label.image_id}", str(error)))
        progress()
    if not rows:
        raise DataError(f"not one labelled photo could be used: {problems[0]['reason']}")
    folders = [(path.parent, [path]) for path in (data.labels_file, data.json_file)]
    folders.append((data.image_root, [Path(row["photo"]) for row in rows]))
    return {
        "schema": SCHEMA,
        "version": __version__,
        "data": {"fingerprint": fingerprint(folders), "photos": len(labels)},
        "prediction": {**network_facts(isolator), "config": isolator.cfg.dump()},
        "problems": problems,
        "seconds": perf_counter() - started,
        **{way: _summary(rows, way) for way in WAYS},
        "photos": rows,
    }


def _row(isolator: Isolator, label: ChoiceLabel, record: DatasetDict, loaded: Loaded) -> Row:
    """Both ways' rows of one photo, over one forward pass."""
    image, truths = read_annotated(record), true_masks(label, record)
    names = {
        one["id"]: loaded.categories.names.get(one["category_id"], "subject")
        for one in record["annotations"]
    }
    opened = isolator.open(image)
    things = true_instances(truths, names, opened.instances.saliency)
    given = OpenPhoto(isolator, opened.photo, things, {}).select()
    chosen = [truths[one] for one in sorted(label.subject)]
    union = np.any(chosen, axis=0) if chosen else np.zeros(image.shape[:2], dtype=np.bool_)
    largest = max(label.subject, key=lambda one: truths[one].sum(), default=None)
    return {
        "photo": record["file_name"],
        "image_id": label.image_id,
        "kind": label.kind,
        "slices": {
            "candidates": _candidates(len(label.candidates)),
            "subject": "group" if len(label.subject) > 1 else "single" if chosen else NONE,
            "category": NONE if largest is None else names[largest],
            "size": size_slice(union),
            "centrality": centrality_slice(union),
        },
        "given": judge(label, answer_of(given, label.candidates)),
        "end_to_end": judge_masks(label, truths, opened.instances, opened.select()),
    }


def _candidates(number: int) -> str:
    return "1" if number == 1 else "2 to 4" if number < 5 else "5 to 9" if number < 10 else "10 up"


def _summary(rows: Sequence[Row], way: str) -> dict[str, Any]:
    clear = [row for row in rows if row["kind"] == CLEAR]
    sliced: dict[str, dict[str, list[Row]]] = {}
    for row in clear:
        for slicing, kind in row["slices"].items():
            sliced.setdefault(slicing, {}).setdefault(kind, []).append(row[way])
    return {
        "summary": summarise_choices([row[way] for row in rows]),
        "slices": {
            slicing: {kind: shares(some) for kind, some in sorted(kinds.items())}
            for slicing, kinds in sliced.items()
        },
    }
