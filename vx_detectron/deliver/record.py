"""The outcome of one photo, as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from vx_detectron.deliver.cutout import Cutout
from vx_detectron.rle import encode_mask
from vx_detectron.structures import Instances, Subject

Record = dict[str, Any]


def record_of(cutout: Cutout) -> Record:
    """Everything about a cut-out except its pixels.

    Boxes are x, y, width, height in pixels of the photo, as COCO has them; masks are the soft
    ones from 0.5 up, at the photo's size.
    """
    height, width = cutout.alpha.shape
    return {
        "width": width,
        "height": height,
        "subject": subject_record(cutout.subject, cutout.instances),
        "instances": instance_records(cutout.instances),
        "alpha": encode_mask(cutout.alpha >= 0.5),
        "hints": None if cutout.hints is None else cutout.hints.to_json(),
        "provenance": asdict(cutout.provenance),
        "notes": list(cutout.photo.notes),
    }


def to_line(record: Record) -> str:
    """The record as one line of ASCII, whatever the names in it hold."""
    return json.dumps(record, allow_nan=False)


def subject_record(subject: Subject, instances: Instances) -> Record:
    """Which instances are the subject, and why."""
    return {
        "chosen": [int(index) for index in subject.chosen],
        "labels": [instances.label(index) for index in subject.chosen],
        "reason": subject.reason,
        "method": subject.method,
        "score": _number(subject.score),
        "ranking": [
            {
                "index": int(one.index),
                "label": one.label,
                "is_region": one.is_region,
                "score": _number(one.score),
                "reason": one.reason,
                "features": _numbers(one.features),
                "contributions": _numbers(one.contributions),
            }
            for one in subject.ranking
        ],
    }


def instance_records(instances: Instances) -> list[Record]:
    """The things in a photo, in their order."""
    return [_instance(instances, index) for index in range(len(instances))]


def _instance(instances: Instances, index: int) -> Record:
    x0, y0, x1, y1 = (float(side) for side in instances.boxes[index])
    return {
        "label": instances.label(index),
        "is_region": bool(instances.is_region[index]),
        "score": _number(instances.scores[index]),
        "box": [_number(side) for side in (x0, y0, x1 - x0, y1 - y0)],
        "mask": encode_mask(instances.soft_mask(index) >= 0.5),
    }


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float | np.float32) -> float | None:
    """What JSON can hold: it knows neither infinity nor NaN."""
    return float(value) if np.isfinite(value) else None
