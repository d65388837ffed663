"""What runs in Ray: the actor that cuts units and writes their records."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import pyarrow as pa
import ray

from vx_detectron.batch.cutting import PhotoCutter, Row
from vx_detectron.batch.order import Order
from vx_detectron.batch.parts import PartWriter
from vx_detectron.batch.plan import Unit, read_unit
from vx_detectron.batch.records import KEPT
from vx_detectron.errors import VxError

WORKER_DIED = "WorkerDied"
STATUS, KIND = "status", "kind"  # what a task's answer counts
ANSWER = pa.schema([("of", pa.string()), ("name", pa.string()), ("count", pa.int64())])
_TICK = 1.0  # seconds between two messages of a worker


class UnitCutter:
    """An actor: the networks, loaded once, for unit after unit.

    Args:
        order: what was asked for; see ``Order.test_mask`` for one that needs no network.
        run: when the run started, in nanoseconds since 1970.
        ledger: where it notes what it begins.
        threads: of OpenCV, which would otherwise take all cores of the machine.
    """

    def __init__(self, order: Order, run: int, ledger: Any, threads: int) -> None:
        cv2.setNumThreads(threads)
        self.order, self.ledger = order, ledger
        self.cutter = PhotoCutter(order, run)
        self.counts: Counter[str] = Counter()
        self.seconds, self.told = 0.0, 0.0

    def __call__(self, units: pa.Table) -> pa.Table:
        """Cut the photos of some units, and write their records.

        Returns:
            How many photos have which ``status``, and which ``kind`` of failure.
        """
        found: Counter[tuple[str, str]] = Counter()
        parts = PartWriter(self.order)
        with unaltered():
            for one in units.to_pylist():
                for row in self._unit(Unit(one["part"], one["start"], one["stop"])):
                    found[STATUS, row["status"]] += 1
                    if row.get("kind"):
                        found[KIND, row["kind"]] += 1
                    if row["status"] != KEPT:
                        parts.add(row)
            parts.flush()
        rows = [{"of": of, "name": name, "count": count} for (of, name), count in found.items()]
        return pa.Table.from_pylist(rows, schema=ANSWER)

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
