"""What runs in Ray: the actor that cuts units, and the sink that writes records and shards."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ray
from ray.data import Datasink

from vx_detectron.batch.cutting import PhotoCutter, Row
from vx_detectron.batch.order import Order
from vx_detectron.batch.plan import Unit, read_unit
from vx_detectron.batch.records import (
    KEPT,
    SHARDS,
    part_name,
    sample_key,
    schema,
    write_part,
)
from vx_detectron.batch.store import Store
from vx_detectron.batch.tars import write_tar
from vx_detectron.errors import VxError

if TYPE_CHECKING:
    import pyarrow as pa

WORKER_DIED = "WorkerDied"
_TICK = 1.0  # seconds between two messages of a worker
_ROWS = 200  # of a file of records


class UnitCutter:
    """An actor: the networks, loaded once, for unit after unit.

    Args:
        order: what was asked for; see ``Order.test_mask`` for one that needs no network.
        run: when the run started, in nanoseconds since 1970.
        ledger: where it notes what it begins.
    """

    def __init__(self, order: Order, run: int, ledger: Any) -> None:
        self.cutter = PhotoCutter(order, run)
        self.ledger = ledger
        self.schema = transit_schema(order)
        self.counts: Counter[str] = Counter()
        self.seconds, self.told = 0.0, 0.0

    def __call__(self, units: pa.Table) -> Iterator[pa.Table]:
        """Cut the photos of some units; a table of records for each."""
        import pyarrow as pa

        for one in units.to_pylist():
            unit = Unit(one["part"], one["start"], one["stop"])
            with unaltered():
                rows = list(self._unit(unit))
            yield pa.Table.from_pylist(rows, schema=self.schema)

    def _unit(self, unit: Unit) -> Iterator[Row]:
        name = f"{unit.part} {unit.start}"
        tries = ray.get(self.ledger.begin.remote(name, self.cutter.worker))
        for row in read_unit(self.cutter.output, unit):
            found = self._alone(row) if tries else self.cutter(row)
            self.counts[found["status"]] += 1
            self.seconds += found["seconds"]
            self._tell()
            yield found
        # Nobody waits for it: if it is lost, the photos are tried one at a time, no more.
        self.ledger.end.remote(name, *self._told())

    def _alone(self, row: Row) -> Row:
        """A photo that a worker may have died of."""
        place = row["place"]
        if ray.get(self.ledger.begin_alone.remote(place)):
            words = (
                "its worker died twice on it, the second time with this photo alone: out of "
                "memory, or a crash of a decoder"
            )
            return self.cutter.refuse(row, WORKER_DIED, words)
        found = self.cutter(row)
        ray.get(self.ledger.end_alone.remote(place))
        return found

    def _tell(self) -> None:
        if time.monotonic() - self.told > _TICK:
            self.ledger.tick.remote(*self._told())

    def _told(self) -> tuple[dict[str, int], float]:
        """What is new since the last message."""
        news = dict(self.counts), self.seconds
        self.counts, self.seconds, self.told = Counter(), 0.0, time.monotonic()
        return news


class ParcelError(Exception):
    """Holds an error of this program on its way to the driver; the only argument."""


@contextmanager
def unaltered() -> Iterator[None]:
    """Errors of this program arrive as they are; Ray adds advice to the words of all others."""
    try:
        yield
    except VxError as error:
        raise ParcelError(error) from error


def transit_schema(order: Order) -> pa.Schema:
    """The records' columns, and the picture's bytes where they go into a shard."""
    import pyarrow as pa

    whole = schema()
    return whole.append(pa.field("picture", pa.binary())) if order.target == "shards" else whole


class RecordSink(Datasink[dict[str, Any]]):
    """Writes parts: a file of records, and before it the shard that they speak of.

    A part counts from the moment that its records are there. Until then its shard is nobody's, and
    the next run removes it.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.counts: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.seconds = 0.0

    def write(self, blocks: Iterable[Any], ctx: Any) -> dict[str, Any]:
        """Write one part; returns its counts."""
        import pyarrow as pa
        import pyarrow.compute as pc

        table = pa.concat_tables(
            [block.cast(transit_schema(self.order)) for block in blocks if block.num_rows]
            or [transit_schema(self.order).empty_table()]
        )
        statuses = Counter(table["status"].to_pylist())
        kinds = Counter(kind for kind in table["kind"].to_pylist() if kind)
        seconds = float(pc.sum(table["seconds"]).as_py() or 0)
        table = table.filter(pc.not_equal(table["status"], KEPT))
        if table.num_rows:
            with unaltered():
                self._write(table)
        return {"counts": dict(statuses), "kinds": dict(kinds), "seconds": seconds}

    def _write(self, table: pa.Table) -> None:
        import pyarrow as pa

        store = Store(self.order.output)
        name = part_name(table)
        if self.order.target == "shards":
            shard = f"{SHARDS}/{name}.tar"
            pictures = table["picture"].to_pylist()
            table = table.drop_columns("picture")
            inside = [picture is not None for picture in pictures]
            if any(inside):
                outputs = pa.array([shard if one else None for one in inside], pa.string())
                at = table.schema.get_field_index("output")
                table = table.set_column(at, "output", outputs)
                store.write(shard, write_tar(self._samples(table, pictures)))
        write_part(store, name, table)

    def _samples(
        self, table: pa.Table, pictures: list[bytes | None]
    ) -> Iterator[tuple[str, dict[str, bytes]]]:
        columns = ["place", "path", "member", "sha256", "reason", "labels", "width", "height"]
        rows = table.select(columns).to_pylist()
        for row, picture in zip(rows, pictures, strict=True):
            if picture is not None:
                files = {self.order.finish.format: picture, "json": json.dumps(row).encode()}
                yield sample_key(row["place"]), files

    def on_write_complete(self, write_result: Any) -> None:
        """Add up what the parts returned."""
        for one in write_result.write_returns:
            self.counts.update(one["counts"])
            self.kinds.update(one["kinds"])
            self.seconds += one["seconds"]

    @property
    def min_rows_per_write(self) -> int:
        """As many rows go into a part, but for the last."""
        return _ROWS
