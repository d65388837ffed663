"""From records to files: a part is a file of records, and the shard that they speak of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from vx_detectron.batch.cutting import Row
from vx_detectron.batch.order import Order
from vx_detectron.batch.records import SHARDS, part_name, sample_key, schema, write_part
from vx_detectron.batch.store import Store
from vx_detectron.batch.tars import write_tar

ROWS = 500  # of a part, but for the last of a task
_BYTES = 2**28  # of pictures that wait for their shard

_IN_SHARD = ("place", "path", "member", "sha256", "reason", "labels", "width", "height")


class PartWriter:
    """Collects records, and writes them as parts.

    A part counts from the moment that its records are there. Until then its shard is nobody's, and
    the next run removes it.

    Args:
        order: where to, and whether pictures go into shards.
    """

    def __init__(self, order: Order) -> None:
        self.order, self.store = order, Store(order.output)
        self.rows: list[Row] = []
        self.bytes = 0

    def add(self, row: Row) -> None:
        """Take a record; with ``picture``, a file for the shard. Raises StoreError."""
        self.rows.append(row)
        self.bytes += len(row.get("picture") or b"")
        if len(self.rows) >= ROWS or self.bytes >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is there. Raises StoreError."""
        rows, self.rows, self.bytes = self.rows, [], 0
        if rows:
            self._write(rows)

    def _write(self, rows: Sequence[Row]) -> None:
        import pyarrow as pa

        table = pa.Table.from_pylist(rows, schema=schema())
        name = part_name(table)
        inside = [row for row in rows if row.get("picture") is not None]
        if inside:
            shard = f"{SHARDS}/{name}.tar"
            outputs = [shard if row.get("picture") is not None else None for row in rows]
            at = table.schema.get_field_index("output")
            table = table.set_column(at, "output", pa.array(outputs, pa.string()))
            self.store.write(shard, write_tar(self._samples(inside)))
        write_part(self.store, name, table)

    def _samples(self, rows: Sequence[Row]) -> Iterator[tuple[str, dict[str, bytes]]]:
        for row in rows:
            about = json.dumps({name: row.get(name) for name in _IN_SHARD}).encode()
            yield (
                sample_key(row["place"]),
                {self.order.finish.format: row["picture"], "json": about},
            )
