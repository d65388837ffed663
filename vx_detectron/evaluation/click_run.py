"""Counts the clicks that cuts need, mask by mask; failures are reported and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Protocol

import numpy as np

from vx_detectron import __version__
from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.coco import Problem, decode_mask, read_coco
from vx_detectron.data.subjects import subject_mask
from vx_detectron.errors import DataError, ImageError, NoSubjectError
from vx_detectron.evaluation.predictors import network_facts
from vx_detectron.evaluation.results import Results, problem
from vx_detectron.evaluation.simulated_clicks import MOST_CLICKS, Click, simulate
from vx_detectron.evaluation.truths import fingerprint, read_annotated, truths_from_folders
from vx_detectron.interactive import Hints, InteractiveSegmenter, Stroke
from vx_detectron.pipeline import Isolator, OpenPhoto, Start
from vx_detectron.structures import BoolArray, ByteArray, FloatArray

SCHEMA = "vx-evaluation-clicks/1"

TARGETS = (0.85, 0.90)
AFTER = (1, 3, 5)  # clicks after which the mean IoU is told
_WORSE = 0.01  # a click that costs more IoU than this counts as harm


@dataclass(frozen=True)
class Target:
    """One mask to click for.

    Attributes:
        name: of the photo, and the thing in it.
        record: of the photo.
        annotation: position among the record's annotations; None for its subject.
    """

    name: str
    record: DatasetDict
    annotation: int | None = None

    @property
    def truth(self) -> BoolArray:
        """Its mask, bool (H, W)."""
        if self.annotation is None:
            return subject_mask(self.record).astype(np.bool_)
        height, width = self.record["height"], self.record["width"]
        one = self.record["annotations"][self.annotation]
        return decode_mask(one["segmentation"], height, width).astype(np.bool_)


@dataclass(frozen=True)
class Targets:
    """All masks to click for.

    Attributes:
        all: the masks.
        problems: files that do not fit; they are not evaluated.
        fingerprint: of the data.
    """

    all: tuple[Target, ...]
    problems: list[Problem]
    fingerprint: str


def subjects_of(images: Path, masks: Path) -> Targets:
    """The subjects of photos with black-and-white masks of the same names.

    Raises:
        DataError: a folder is missing, or no mask belongs to a photo.
    """
    truths = truths_from_folders(images, masks)
    found = tuple(Target(truths.name(record), record) for record in truths.records)
    return Targets(found, truths.problems, truths.fingerprint)


def things_of(images: Path, coco: Path, smallest: float, split: str | None) -> Targets:
    """Every annotated thing of a COCO json, crowds aside.

    Args:
        images: the photos' folder.
        coco: the json.
        smallest: share of the photo, 0..1, that a thing covers at least.
        split: only photos whose ``split`` it is; None for all.

    Raises:
        DataError: the file cannot be used, or there is no such thing in it.
    """
    loaded = read_coco(coco, images)
    records = [one for one in loaded.records if split in (None, one.get("split"))]
    found = []
    for record in sorted(records, key=lambda record: str(record["file_name"])):
        least = smallest * record["height"] * record["width"]
        for index, one in enumerate(record["annotations"]):
            if one["area"] >= max(least, 1) and not one.get("iscrowd"):
                found.append(Target(f"{record['image_id']}/{one['id']}", record, index))
    if not found:
        raise DataError(
            f"{coco}: no thing in its {len(records)} photos"
            f"{'' if split is None else f' of split {split}'} covers {smallest:.2%} of one"
        )
    return Targets(tuple(found), loaded.problems, fingerprint([(coco.parent, [coco])]))


class Clickable(Protocol):
    """One photo that is corrected by clicks."""

    def start(self) -> BoolArray | None:
        """The mask before any click; None for none."""
        ...

    def cut(self, clicks: list[Click]) -> BoolArray:
        """The mask that these clicks make, bool (H, W)."""
        ...


class PipelineClicks:
    """Photos as this package's users have them: the whole way to the alpha mask.

    Args:
        isolator: with its networks loaded.
        start: what the clicks start from.
    """

    def __init__(self, isolator: Isolator, start: Start) -> None:
        self.isolator, self._start = isolator, start
        self.provenance: dict[str, Any] = {
            "segmenter": isolator.segmenter.name, **network_facts(isolator),
            "config": isolator.cfg.dump(),
        }  # fmt: skip

    def open(self, image: ByteArray) -> Clickable:
        """See a photo, uint8 (H, W, 3), RGB."""
        return _Opened(self.isolator.open(image), self._start)


class _Opened:
    def __init__(self, photo: OpenPhoto, start: Start) -> None:
        self._photo, self._start = photo, start

    def start(self) -> BoolArray | None:
        if self._start == "cut":
            try:
                return np.asarray(self._photo.cut().alpha >= 0.5)
            except NoSubjectError:
                self._start = "nothing"
        return None

    def cut(self, clicks: list[Click]) -> BoolArray:
        # Strokes of one point: they are taken one after the other.
        taps = tuple(_tap("keep" if one.keep else "drop", one) for one in clicks)
        try:
            cutout = self._photo.cut(hints=Hints(strokes=taps), start=self._start)
        except NoSubjectError:  # all of it was dropped
            return np.zeros(self._photo.instances.image_size, dtype=np.bool_)
        return np.asarray(cutout.alpha >= 0.5)


def _tap(kind: Literal["keep", "drop"], click: Click) -> Stroke:
    return Stroke(kind, 1.0, ((click.column + 0.5, click.row + 0.5),))


class SegmenterClicks:
    """Photos that only a segmenter sees: no detector, no eye, and no rule about what may change.

    Args:
        segmenter: what interprets the hints.
    """

    def __init__(self, segmenter: InteractiveSegmenter) -> None:
        self._segmenter = segmenter
        self.provenance: dict[str, Any] = {"segmenter": segmenter.name}

    def open(self, image: ByteArray) -> Clickable:
        """See a photo, uint8 (H, W, 3), RGB."""
        return _Alone(self._segmenter, image)


class _Alone:
    def __init__(self, segmenter: InteractiveSegmenter, image: ByteArray) -> None:
        self._segmentation = segmenter.open(image, None)
        self._size = image.shape[0], image.shape[1]
        self._previous: FloatArray | None = None

    def start(self) -> BoolArray | None:
        return None

    def cut(self, clicks: list[Click]) -> BoolArray:
        if len(clicks) == 1:
            self._previous = None
        marks = np.zeros((2, *self._size), dtype=np.bool_)
        for click in clicks:
            marks[int(not click.keep), click.row, click.column] = True
        self._previous = self._segmentation.segment(marks[0], marks[1], self._previous)
        return np.asarray(self._previous >= 0.5)


def evaluate_clicks(
    targets: Targets,
    player: PipelineClicks | SegmenterClicks,
    *,
    start: Start,
    every: int = 1,
    progress: Callable[[], object] = lambda: None,
) -> Results:
    """Click for every mask, and count.

    Args:
        targets: the masks.
        player: opens the photos and takes the clicks.
        start: what the clicks start from, for the record.
        every: use only every Nth mask.
        progress: called after each mask.

    Raises:
        DataError: not one mask could be measured.
    """
    started = perf_counter()
    rows, problems = [], [problem("unusable data", *one) for one in targets.problems]
    chosen = targets.all[::every]
    for target, photo, error in _opened(chosen, player):
        if photo is None:
            problems.append(problem("not measured", target.name, error))
        else:
            rows.append(_row(target, photo))
        progress()
    if not rows:
        raise DataError(f"not one of the {len(chosen)} masks could be measured: {problems[-1]}")
    return {
        "schema": SCHEMA,
        "version": __version__,
        "data": {"fingerprint": targets.fingerprint, "masks": len(targets.all), "every": every},
        "prediction": player.provenance,
        "settings": {"from": start, "most_clicks": MOST_CLICKS},
        "summary": summary_of(rows),
        "photos": rows,
        "problem_counts": dict(Counter(one["kind"] for one in problems)),
        "problems": problems,
        "seconds": perf_counter() - started,
    }


def _opened(
    targets: tuple[Target, ...], player: PipelineClicks | SegmenterClicks
) -> Iterator[tuple[Target, Clickable | None, str]]:
    """Each target with its photo, which is opened once for all its things, or why it cannot be."""
    last: tuple[str, Clickable | None, str] | None = None
    for target in targets:
        name = str(target.record["file_name"])
        if last is None or last[0] != name:
            try:
                last = name, player.open(read_annotated(target.record)), ""
            except (DataError, ImageError) as error:
                last = name, None, str(error)
        yield target, last[1], last[2]


def _row(target: Target, photo: Clickable) -> dict[str, Any]:
    """The IoU before the first click and after each, and what a click took."""
    seconds: list[float] = []

    def cut(clicks: list[Click]) -> BoolArray:
        begun = perf_counter()
        mask = photo.cut(clicks)
        seconds.append(perf_counter() - begun)
        return mask

    scores = simulate(
        target.truth, cut, photo.start(), enough=max(TARGETS), least=max(AFTER)
    )  # fmt: skip
    return {
        "name": target.name,
        "seconds_per_click": float(np.mean(seconds)) if seconds else 0.0,
        "iou": {str(count): score for count, score in enumerate(scores)},
    }


def summary_of(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The figures: clicks needed, quality after a few, failures, harm and time."""
    curves = [list(row["iou"].values()) for row in rows]
    figures: dict[str, float] = {"masks": len(rows)}
    for target in TARGETS:
        needed = [_needed(curve, target) for curve in curves]
        figures[f"noc_{target * 100:.0f}"] = float(
            np.mean([MOST_CLICKS if one is None else one for one in needed])
        )
        figures[f"failures_{target * 100:.0f}"] = sum(one is None for one in needed)
    for count in (0, *AFTER):
        reached = [curve[min(count, len(curve) - 1)] for curve in curves]
        figures[f"iou_{count}"] = float(np.mean(reached))
    gains = np.concatenate([np.diff(curve) for curve in curves])
    if len(gains):
        figures["gain_per_click"] = float(gains.mean())
        figures["harmful_clicks"] = float((gains < -_WORSE).mean())
    clicked = [row["seconds_per_click"] for row in rows if len(row["iou"]) > 1]
    if clicked:
        figures["seconds_per_click"] = float(np.mean(clicked))
    return figures


def _needed(curve: list[float], target: float) -> int | None:
    """Clicks until the IoU is reached; None where it never is."""
    return next((count for count, score in enumerate(curve) if score >= target), None)
