"""Estimates the time, memory and disk space of a batch from a few photos, before it runs."""

from __future__ import annotations

import io
import os
import random
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import cv2

from vx_detectron.batch.cutting import PhotoCutter
from vx_detectron.batch.engine import load_ray, threaded, threads_of
from vx_detectron.batch.order import Cluster, Order
from vx_detectron.batch.plan import Plan, plan_items
from vx_detectron.batch.progress import duration
from vx_detectron.batch.records import DONE, Index, schema
from vx_detectron.batch.sources import Item, Source
from vx_detectron.batch.store import Store


@dataclass(frozen=True)
class Estimate:
    """What a batch needs, estimated from some of its photos.

    Attributes:
        plan: what is to be done.
        sample: how many photos were cut for it.
        failed: how many of these gave no result.
        workers: how many processes cut at a time.
        each: seconds per photo and worker.
        memory: bytes of one worker at its peak.
        picture: bytes of a result; 0 where none is written.
        record: bytes of a record.
    """

    plan: Plan
    sample: int
    failed: int
    workers: int
    each: float
    memory: int
    picture: float
    record: float

    @property
    def seconds(self) -> float:
        """Of the whole run, without its start."""
        return self.plan.todo * self.each / self.workers

    @property
    def disk(self) -> float:
        """Bytes of all results and records."""
        return self.plan.todo * (self.picture + self.record)

    def lines(self) -> Iterator[str]:
        """The same as text."""
        plan = self.plan
        yield f"{plan.found:,} photos, {plan.done:,} done already, {plan.todo:,} to do"
        if plan.known:
            yield f"of these, {plan.known:,} were done before and are only compared"
        if not self.sample:
            return
        yield (
            f"{self.each:.2f} s per photo and worker, from {self.sample} photos cut here"
            + (f" ({self.failed} of them failed)" if self.failed else "")
        )
        yield f"time: about {duration(self.seconds)} with {self.workers} workers, and their start"
        total = _size(self.memory * self.workers)
        yield f"memory: {_size(self.memory)} per worker, {total} in total"
        yield (
            f"disk: about {_size(self.disk)}; {_size(self.picture)} per result, "
            f"{_size(self.record)} per record"
        )


def estimate(order: Order, cluster: Cluster, sample: int = 8) -> Estimate:
    """Look at the input, and cut some of it in this process. Nothing is written.

    Args:
        order: what would be cut.
        cluster: where it would run. Its workers are taken to be as fast as this machine.
        sample: how many photos to cut, chosen at random.

    Raises:
        BatchError: the input is not there.
        VxError: the networks cannot be loaded.
    """
    load_ray()
    store = Store(order.output)
    chosen: list[Item] = []
    chance = random.Random(0)

    def tapped() -> Iterator[Item]:
        for count, item in enumerate(Source(order.source).items(without=order.output)):
            if len(chosen) < sample:
                chosen.append(item)
            elif (place := chance.randrange(count + 1)) < sample:
                chosen[place] = item
            yield item

    index = Index(store, order.target == "shards")
    plan = plan_items(order, tapped(), store, index, "", folder=None)
    workers = cluster.workers[1] if cluster.workers else _workers(cluster)
    if not plan.todo:
        return Estimate(plan, 0, 0, workers, 0.0, 0, 0.0, 0.0)
    cv2.setNumThreads(threads_of(cluster))
    # Results come back instead of being written, as they do for shards.
    cutter = PhotoCutter(replace(threaded(order, cluster), target="shards"), 0)
    cutter(_row(chosen[0]))  # the first photo warms the networks up
    found = [cutter(_row(item)) for item in chosen]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pictures = [len(one.pop("picture", b"")) for one in found]
    return Estimate(
        plan,
        len(found),
        sum(one["status"] != DONE for one in found),
        workers,
        fmean(one["seconds"] for one in found),
        peak * (1 if sys.platform == "darwin" else 1024),
        0.0 if order.target == "records" else fmean(pictures),
        _bytes_of(found) / len(found),
    )


def _row(item: Item) -> dict[str, Any]:
    return {**vars(item), "done_sha256": None, "done_status": None}


def _bytes_of(found: list[dict[str, Any]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet

    buffer = io.BytesIO()
    table = pa.Table.from_pylist(found, schema=schema())
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.tell()


def _workers(cluster: Cluster) -> int:
    return max(int((os.cpu_count() or 1) / cluster.cpus) if cluster.cpus else 1, 1)


def _size(count: float) -> str:
    """Bytes as text.

    >>> _size(900), _size(1_500_000)
    ('0.9 kB', '1.5 MB')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.1f} kB"
