"""READ THIS FIRST in this folder: one run of a batch, from the lock to the report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vx_detectron.batch import ledger
from vx_detectron.batch.engine import cluster_of, cut_units, dashboard_url, load_ray
from vx_detectron.batch.lock import Holding, locked
from vx_detectron.batch.order import Cluster, Order
from vx_detectron.batch.plan import PLANS, Plan, expect_same_run, make_plan, plan_items
from vx_detectron.batch.progress import Progress
from vx_detectron.batch.records import KEPT, Index, tidy
from vx_detectron.batch.report import write_report
from vx_detectron.batch.sources import Item, Source
from vx_detectron.batch.store import WORKSHOP, Store

Say = Callable[[str], None]


@dataclass
class Summary:
    """The outcome of a run.

    Attributes:
        found: photos of the input.
        counts: of photos by status, ``kept`` being those that were done before.
        kinds: of failures.
        problems: of the input: folders or tars that gave nothing, and why.
        seconds: of the run, by the clock on the wall.
        records: all records of the output by status, those of earlier runs included.
    """

    found: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    records: Counter[str] = field(default_factory=Counter)


def run_batch(
    order: Order,
    cluster: Cluster | None = None,
    *,
    progress: Progress | None = None,
    say: Say = lambda line: None,
) -> Summary:
    """Cut all photos of the input that are not done yet.

    It may be killed at any time: the next run with the same output resumes from there.

    Args:
        order: what is cut, how, and where to.
        cluster: where it runs; by default on this machine.
        progress: receives how far it is.
        say: receives messages for people.

    Raises:
        BatchError: the input does not exist; another run is using the output; the output has
            results made with other options; it can no longer be written (``StoreError``); or Ray
            failed.
        VxError: the networks cannot be loaded.
    """
    load_ray()
    pool = cluster or Cluster()
    with opened(order) as (store, holding):
        source, started = Source(order.source), time.monotonic()
        run = time.time_ns()
        plan = make_plan(order, source, store, index_of(order, store), run, PLANS)
        for remark in source.remarks:
            say(remark)
        say(_words(plan))
        summary = Summary(plan.found, Counter({KEPT: plan.done}), problems=source.problems)
        if plan.units:
            with cluster_of(pool) as ray:
                url = dashboard_url(ray)
                if url:
                    say(f"Ray's dashboard: {url}")
                _work(ray, order, pool, plan, run, progress, holding, summary)
        summary.seconds = time.monotonic() - started
        finish(order, store, summary)
        return summary


@contextmanager
def opened(order: Order) -> Iterator[tuple[Store, Holding]]:
    """The output, locked and tidied of what a killed run left."""
    store = Store(order.output)
    with locked(store) as holding:
        expect_same_run(order, store)
        for folder in (WORKSHOP, PLANS):
            store.remove_folder(folder)
        tidy(store)
        yield store, holding


def cut_items(
    ray: object,
    order: Order,
    cluster: Cluster,
    store: Store,
    holding: Holding,
    index: Index,
    items: Sequence[Item],
) -> Summary:
    """Cut some photos, as they arrive; see ``watch``."""
    run = time.time_ns()
    plan = plan_items(order, iter(items), store, index, f"{run}")
    summary = Summary(plan.found, Counter({KEPT: plan.done}))
    if plan.units:
        _work(ray, order, cluster, plan, run, None, holding, summary)
    for item in items:  # the index knows nothing of what was just done
        index.forget(item.place)
    return summary


def finish(order: Order, store: Store, summary: Summary) -> None:
    """Leave one record of each photo, and the report of all."""
    for folder in (WORKSHOP, PLANS):
        store.remove_folder(folder)
    tidy(store)
    summary.records = write_report(order, store, summary.problems).statuses


def index_of(order: Order, store: Store) -> Index:
    """What is done already."""
    return Index(store, order.target == "shards")


def _work(
    ray: object,
    order: Order,
    cluster: Cluster,
    plan: Plan,
    run: int,
    progress: Progress | None,
    holding: Holding,
    summary: Summary,
) -> None:
    notes = ledger.start(ray)
    with (progress or Progress()).following(ray, notes, plan, holding):
        counts = cut_units(ray, order, cluster, plan.units, run, notes)
    holding.check()
    summary.counts += counts.statuses
    summary.kinds += counts.kinds


def _words(plan: Plan) -> str:
    known = f", {plan.known:,} of them to compare with their results" if plan.known else ""
    done = f"{plan.done:,} are done already; " if plan.done else ""
    return f"{plan.found:,} photos found; {done}{plan.todo:,} to do{known}"
