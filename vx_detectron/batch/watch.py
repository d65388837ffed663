"""Process photos as they arrive: only complete ones, each once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from vx_detectron.batch.engine import cluster_of, load_ray
from vx_detectron.batch.order import Cluster, Order
from vx_detectron.batch.records import key_of, tidy
from vx_detectron.batch.run import Say, Summary, cut_items, finish, index_of, opened
from vx_detectron.batch.sources import LISTS, Item, Source
from vx_detectron.errors import BatchError
from vx_detectron.image_io import SUPPORTED_SUFFIXES

Arrivals = Iterator[list[Item]]

_TIDY = 200  # rounds


def watch_batch(
    order: Order,
    cluster: Cluster | None = None,
    *,
    settle: float = 2.0,
    every: float = 30.0,
    say: Say = lambda line: None,
) -> Summary:
    """Cut the photos that are there and those that arrive, until Ctrl-C or ``kill``.

    Args:
        order: its source is a folder, or an address in an object store.
        cluster: where it runs; by default on this machine.
        settle: seconds for which a file on disk must not have changed; one that is written slowly
            is waited for.
        every: seconds between two listings of an object store, which shows only whole objects.
        say: receives messages for people.

    Raises:
        BatchError: as ``run_batch``, or the source cannot be watched.
    """
    load_ray()
    source = Source(order.source)
    folder = source.watched()
    if source.path.lower().endswith((*LISTS, ".tar")) or (folder is None and not source.remote):
        raise BatchError(f"{order.source}: only a folder or an object store can be watched")
    total = Summary()
    with opened(order) as (store, holding), cluster_of(cluster or Cluster()) as ray:
        arriving = (
            listed(source, order.output, every)
            if folder is None
            else arrivals(source, folder, order.output, settle)
        )
        say(f"watching {order.source}; press Ctrl-C to stop")
        index, rounds = index_of(order, store), 0
        try:
            for items in arriving:
                holding.check()
                if not items:
                    continue
                pool = cluster or Cluster()
                found = cut_items(ray, order, pool, store, holding, index, items)
                rounds += 1
                if rounds % _TIDY == 0:
                    tidy(store)  # a file of records for each round becomes many
                total.found += found.found
                total.counts += found.counts
                total.kinds += found.kinds
                words = ", ".join(f"{count} {status}" for status, count in found.counts.items())
                say(f"{found.found} arrived: {words}")
        except KeyboardInterrupt:
            holding.check()
        total.problems = source.problems
        finish(order, store, total)
    return total


def arrivals(source: Source, folder: str, output: str, settle: float) -> Arrivals:
    """Photos in a folder that have not changed for a while; first those that are there already."""
    try:
        from watchfiles import Change, watch
    except ImportError as error:
        raise BatchError(
            'watching needs watchfiles, which is not installed: pip install "vx-detectron[batch]"'
        ) from error
    changes = watch(
        folder,
        step=50,
        rust_timeout=int(settle * 1000),
        yield_on_timeout=True,
        raise_interrupt=True,
    )
    first = next(changes)  # from here on nothing is missed, so now what is there can be listed
    waiting: dict[str, tuple[str | None, float]] = {}
    settled: list[Item] = []
    for item in source.items(without=output):
        if time.time() - _mtime(item.path) > settle:
            settled.append(item)
        else:
            waiting[item.path] = (item.version, time.monotonic())
    yield settled
    known = {key_of(f"{one.place} {one.version}") for one in settled}
    own = os.path.realpath(output.removeprefix("file://")) + os.sep
    while True:
        for change, path in first:
            if change != Change.deleted and _is_photo(path, folder, own):
                waiting.setdefault(path, (None, time.monotonic()))
        ready = []
        for path, (version, since) in list(waiting.items()):
            item = source.local_item(path, os.path.relpath(path, folder).replace(os.sep, "/"))
            if item.version is None:
                del waiting[path]  # it has gone again
            elif item.version != version:
                waiting[path] = (item.version, time.monotonic())
            elif time.monotonic() - since >= settle:
                del waiting[path]
                key = key_of(f"{item.place} {item.version}")
                if key not in known:
                    known.add(key)
                    ready.append(item)
        yield ready
        first = next(changes)


def listed(source: Source, output: str, every: float) -> Arrivals:
    """Objects that were not there at the last look, or have changed."""
    known: set[int] = set()
    while True:
        fresh = []
        try:
            for item in source.items(without=output):
                key = key_of(f"{item.place} {item.version}")
                if key not in known:
                    known.add(key)
                    fresh.append(item)
        except BatchError:  # nothing there yet
            pass
        yield fresh
        time.sleep(every)


def _is_photo(path: str, folder: str, own: str) -> bool:
    parts = os.path.relpath(path, folder).split(os.sep)
    hidden = any(part.startswith(".") for part in parts)
    photo = os.path.splitext(path)[1].lower() in SUPPORTED_SUFFIXES
    return photo and not hidden and not os.path.realpath(path).startswith(own)


def _mtime(path: str) -> Any:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
