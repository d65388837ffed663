"""``report.html``: the outcome of a batch, on one page that loads nothing else."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vx_detectron.batch.order import Order
from vx_detectron.batch.records import DONE, parts
from vx_detectron.batch.store import Store
from vx_detectron.data.page import jpeg_uri, render
from vx_detectron.errors import ImageError
from vx_detectron.image_io import read_photo
from vx_detectron.image_io.names import printable

REPORT = "report.html"
_TEMPLATE = Path(__file__).parent / "report.html.jinja"
_SAMPLES, _SIDE = 24, 220
_MOST_BYTES = 32 * 2**20  # of a picture that is shown
_COLUMNS = (
    "place", "output", "status", "kind", "error", "reason", "labels", "method", "seconds",
    "width", "height",
)  # fmt: skip


@dataclass
class Figures:
    """What the records add up to."""

    statuses: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    pixels: int = 0


def write_report(order: Order, store: Store, problems: list[tuple[str, str]]) -> Figures:
    """Write the page into the output, and return its figures. Raises StoreError."""
    figures, samples = _read(store)
    total = sum(figures.statuses.values())
    page = render(
        _TEMPLATE,
        title=f"Batch: {printable(order.output)}",
        source=order.source,
        options=order.fingerprint,
        total=total,
        figures=figures,
        per_photo=figures.seconds / total if total else 0.0,
        kinds=figures.kinds.most_common(30),
        labels=dict(figures.labels.most_common(20)),
        problems=problems[:100],
        samples=[(one, picture) for one in samples if (picture := _thumbnail(store, one))],
    )
    store.write(REPORT, page.encode("utf-8", "replace"))
    return figures


def _read(store: Store) -> tuple[Figures, list[dict[str, Any]]]:
    """The figures, and some photos by chance: the same ones for the same records."""
    figures, samples, seen = Figures(), list[dict[str, Any]](), 0
    chance = random.Random(0)
    for _, table in parts(store, _COLUMNS):
        rows = table.to_pylist()
        for row in rows:
            figures.statuses[row["status"]] += 1
            figures.seconds += row["seconds"] or 0.0
            if row["status"] == DONE:
                figures.labels.update([" + ".join(sorted(set(row["labels"] or ()))) or "none"])
                figures.methods[row["method"] or "ranking"] += 1
                figures.pixels += (row["width"] or 0) * (row["height"] or 0)
            else:
                kind = kind_of(row["kind"] or "", row["error"] or "")
                figures.kinds[kind] += 1
                figures.examples.setdefault(kind, row["place"])
            if row["output"] is None or not row["output"].startswith("pictures/"):
                continue
            seen += 1
            place = len(samples) if len(samples) < _SAMPLES else chance.randrange(seen)
            if place == len(samples):
                samples.append(row)
            elif place < _SAMPLES:
                samples[place] = row
    return figures, samples


def kind_of(kind: str, error: str) -> str:
    """Failures of one kind have one text: without numbers and names.

    >>> kind_of("ImageError", "has 20 x 90 = 1,800 pixels, expected at most 1,000")
    'ImageError: has # x # = # pixels, expected at most #'
    """
    words = re.sub(r"'[^']*'|\"[^\"]*\"", "…", error)
    words = re.sub(r"(?<!\w)\S*/\S+", "…", words)
    return f"{kind}: {re.sub(r'[0-9][0-9,.]*', '#', words)[:160]}"


def _thumbnail(store: Store, row: dict[str, Any]) -> str | None:
    try:
        photo = read_photo(store.read(row["output"], _MOST_BYTES), name=row["output"])
    except ImageError:
        return None
    image = Image.fromarray(photo.flat)
    image.thumbnail((_SIDE, _SIDE))
    return jpeg_uri(np.asarray(image))
