"""The work to do: the photos without a valid record, in units with about as many pixels each.

The plan lies beside the results, a file for some thousand photos. What goes through Ray is only
where in it a unit begins and ends, so neither the plan nor a photo fills the driver's memory.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vx_detectron.batch.order import Order
from vx_detectron.batch.records import DONE, FAILED, PICTURES, SHARDS, Index
from vx_detectron.batch.sources import CUTOUT, MASK, Item, Source, in_chunks, output_of
from vx_detectron.batch.store import STATE, Store
from vx_detectron.batch.wishes import fingerprint_of
from vx_detectron.errors import BatchError

if TYPE_CHECKING:
    import pyarrow as pa

PLANS = f"{STATE}/plan"
RUN = f"{STATE}/run.json"

_CHUNK = 4096  # photos in a file of the plan
_UNIT_PIXELS = 8_000_000  # what a killed worker loses at most, besides one photo
_UNIT_PHOTOS = 32
# Pixels in a byte of a file of common quality; the batch needs no more than the right power of ten.
_DENSITY = {".jpg": 5.0, ".jpeg": 5.0, ".webp": 10.0, ".heic": 12.0, ".avif": 12.0, ".png": 0.6}
_USUAL = 2_000_000  # pixels of a photo of which nothing is known


@dataclass(frozen=True)
class Unit:
    """Photos that a worker cuts in one go: rows ``start`` to ``stop`` of one file of the plan."""

    part: str
    start: int
    stop: int


@dataclass
class Plan:
    """What a run does.

    Attributes:
        units: in the order of the photos.
        found: how many photos there are.
        done: how many of them are left out, since their store calls them unchanged.
        todo: how many go to the workers.
        known: how many of these were done before, and are only compared by their content.
        bytes: of the files to do, as far as their store says.
    """

    units: list[Unit] = field(default_factory=list)
    found: int = 0
    done: int = 0
    todo: int = 0
    known: int = 0
    bytes: int = 0


def plan_schema() -> pa.Schema:
    """The columns of the plan: an ``Item``, and what its record says."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("path", text),
            ("place", text),
            ("size", pa.int64()),
            ("version", text),
            ("member", text),
            ("offset", pa.int64()),
            ("options", text),
            ("named", pa.bool_()),
            ("problem", text),
            ("done_sha256", text),
            ("done_status", text),
        ]
    )


def make_plan(
    order: Order, source: Source, store: Store, index: Index, run: int, folder: str | None = None
) -> Plan:
    """Compare the input with the records, and write down what is left.

    Args:
        order: the request.
        source: where the photos are.
        store: the output.
        index: of its records.
        run: when the run began; names the plan.
        folder: where the plan goes, below the output; None writes none.
    """
    return plan_items(order, source.items(_below(order)), store, index, f"{run}", folder)


def plan_items(
    order: Order,
    items: Iterator[Item],
    store: Store,
    index: Index,
    name: str,
    folder: str | None = PLANS,
) -> Plan:
    """As ``make_plan``, for some photos."""
    plan = Plan()
    waiting: list[dict[str, Any]] = []

    def flush() -> None:
        if waiting and folder is not None:
            part = f"{folder}/{name}/{len(plan.units):09d}"
            plan.units += _units(part, waiting)
            store.write(f"{part}.parquet", _parquet(waiting))
        waiting.clear()

    for chunk in in_chunks(items, _CHUNK):
        for item in chunk:
            plan.found += 1
            row = _left(order, store, index, item)
            if row is None:
                plan.done += 1
                continue
            plan.todo += 1
            plan.known += row["done_sha256"] is not None
            plan.bytes += item.size or 0
            waiting.append(row)
            if len(waiting) == _CHUNK:
                flush()
    flush()
    return plan


def read_unit(store: Store, unit: Unit) -> list[dict[str, Any]]:
    """The photos of one unit."""
    table = _part(store.url, unit.part)
    rows: list[dict[str, Any]] = table.slice(unit.start, unit.stop - unit.start).to_pylist()
    return rows


@lru_cache(maxsize=2)  # a part has the photos of many units
def _part(url: str, part: str) -> pa.Table:
    import pyarrow.parquet

    with Store(url).open(f"{part}.parquet") as file:
        return pyarrow.parquet.read_table(file)


def _left(order: Order, store: Store, index: Index, item: Item) -> dict[str, Any] | None:
    """The photo as a row of the plan, or None where it is done for certain."""
    row = {**asdict(item), "done_sha256": None, "done_status": None}
    done = index.find(item.place)
    if done is None or done.options != fingerprint_of(order.fingerprint, item.options):
        return row
    if done.status == FAILED and order.retry_failed:
        return row
    if order.compare == "listing" and done.is_version(item.version):
        if done.status != DONE or order.target != "pictures" or store.local is None:
            return None
        if os.path.exists(store.path(f"{PICTURES}/{_output(order, item)}")):
            return None
        return row
    row["done_sha256"], row["done_status"] = done.sha256, done.status
    return row


def _output(order: Order, item: Item) -> str:
    ending = MASK if order.finish.mask_only else CUTOUT
    return output_of(item.place, item.named, ending, order.finish.format)


def _units(part: str, rows: Sequence[dict[str, Any]]) -> Iterator[Unit]:
    """Rows in a row with about as many pixels together."""
    start, pixels = 0, 0.0
    for position, row in enumerate(rows):
        own = pixels_of(row["place"], row["size"])
        if position > start and (pixels + own > _UNIT_PIXELS or position - start == _UNIT_PHOTOS):
            yield Unit(part, start, position)
            start, pixels = position, 0.0
        pixels += own
    yield Unit(part, start, len(rows))


def pixels_of(name: str, size: int | None) -> float:
    """How many pixels a file of that many bytes has, roughly."""
    if size is None:
        return float(_USUAL)
    return size * _DENSITY.get(os.path.splitext(name)[1].lower(), 1.0)


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(
        pa.Table.from_pylist(list(rows), schema=plan_schema()), buffer, compression="zstd"
    )
    return buffer.getvalue()


def _below(order: Order) -> str:
    """The output, which may lie within the input and is no part of it."""
    return order.output.removeprefix("file://")


def expect_same_run(order: Order, store: Store) -> None:
    """Note what the output holds, or compare: one output holds one kind of results.

    Raises:
        BatchError: it holds others, or there are files in it that no batch made.
    """
    wanted = {"target": order.target, "options": order.fingerprint}
    if store.exists(RUN):
        found = json.loads(store.read(RUN, 2**20))
        if found.get("target") != order.target:
            raise BatchError(
                f"{store}: holds {found.get('target')}, and --to asks for {order.target}; choose "
                "another output"
            )
        if found.get("options") != order.fingerprint and not order.overwrite:
            raise BatchError(
                f"{store}: its results were made with other options; choose another output, or "
                "use --overwrite to cut all photos again with these"
            )
        if found == wanted:
            return
    elif any(True for name in (PICTURES, SHARDS) for _ in store.files(name)):
        raise BatchError(
            f"{store}: has {PICTURES} or {SHARDS} that no batch made; choose another output"
        )
    store.write(RUN, json.dumps(wanted).encode())
