"""Ray, as this program uses it: started here or joined elsewhere; one dataset streams through."""

from __future__ import annotations

import logging
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from vx_detectron.batch.order import Cluster, Order
from vx_detectron.batch.plan import Unit
from vx_detectron.errors import BatchError, VxError

_TASKS = 32  # so many tasks at least are made of what is left, and so many for each worker
_SHARES = 4
_MOST_UNITS = 64  # of a task: about 250 photos of 2 megapixels
_SHARD_PHOTOS = 200  # of a task that writes shards
_EXTRA = 'the batch needs Ray, which is not installed: pip install "vx-detectron[batch]"'


class Counts(NamedTuple):
    """The outcome of some photos.

    Attributes:
        statuses: photos by status, see ``records``.
        kinds: failures by kind.
    """

    statuses: Counter[str]
    kinds: Counter[str]


def load_ray() -> Any:
    """The module ``ray``, with usage reporting off. Raises BatchError without the extra."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Its C++ parts write to standard error, for developers; what a run must know it learns anyway.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import pyarrow  # noqa: F401
        import ray
        import ray.data
    except ImportError as error:
        raise BatchError(_EXTRA) from error
    return ray


@contextmanager
def cluster_of(cluster: Cluster) -> Iterator[Any]:
    """Connect to a Ray cluster, or start one on this machine that stops with the block.

    A cluster that this process is already connected to is used and left running.

    Raises:
        BatchError: Ray is not installed, or there is no cluster at the address.
    """
    ray = load_ray()
    if ray.is_initialized():
        yield ray
        return
    # Without "local", Ray would join any cluster that somebody else runs on this machine.
    address = cluster.address or "local"
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    options["address"] = address
    if address == "local":
        workers = cluster.workers[1] if cluster.workers else 0
        options["num_cpus"] = max(math.ceil(workers * cluster.cpus), 1) if workers else None
        options["object_store_memory"] = cluster.object_store
        options["include_dashboard"] = cluster.dashboard and _has_dashboard()
    try:
        start_ray(ray, options, tries=5 if address == "local" else 1)
    except Exception as error:  # Ray raises this bare class too
        where = cluster.address or "on this machine"
        raise BatchError(f"Ray cannot be reached or started ({where}): {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def start_ray(ray: Any, options: dict[str, Any], tries: int) -> None:
    """Start Ray; it gives its own processes 30 seconds, which a busy machine may not have."""
    import psutil  # type: ignore[import-untyped]  # Ray brings it along

    here = psutil.Process()
    for left in reversed(range(tries)):
        before = {one.pid for one in here.children(recursive=True)}
        try:
            ray.init(**options)
            return
        except Exception as error:
            ray.shutdown()
            if not left or "timed out during startup" not in str(error):
                raise
            # Ray leaves the processes of a start that came too late, and they slow down the next.
            late = [one for one in here.children(recursive=True) if one.pid not in before]
            for one in late:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(late, timeout=10)


def dashboard_url(ray: Any) -> str | None:
    """Where Ray's dashboard is, if it runs."""
    context = ray._private.worker.global_worker.node
    url = getattr(context, "webui_url", "") if context is not None else ""
    return f"http://{url}" if url else None


def cut_units(
    ray: Any, order: Order, cluster: Cluster, units: Sequence[Unit], run: int, ledger: Any
) -> Counts:
    """Stream the units through a pool of workers, which write the results.

    Raises:
        StoreError: the output can no longer be written.
        VxError: what kept the workers from starting, such as weights that are missing.
        BatchError: Ray gave up.
    """
    import pyarrow as pa

    from vx_detectron.batch.workers import KIND, STATUS, UnitCutter

    _hush(ray)
    low, high = cluster.workers or (1, _workers_that_fit(ray, cluster))
    # What a dead worker had begun of a task is all that is lost. Ray restarts the worker, and says
    # when there is room for more.
    least = _SHARD_PHOTOS if order.target == "shards" else 1
    tables = [
        pa.Table.from_pylist([asdict(one) for one in some]) for some in tasks_of(units, high, least)
    ]
    counted: dict[str, Counter[str]] = {STATUS: Counter(), KIND: Counter()}
    try:
        answers = ray.data.from_arrow(tables).map_batches(
            UnitCutter,
            fn_constructor_kwargs={
                "order": threaded(order, cluster),
                "run": run,
                "ledger": ledger,
                "threads": threads_of(cluster),
            },
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                min_size=min(low, len(tables)),
                max_size=min(high, len(tables)),
                max_tasks_in_flight_per_actor=2,
            ),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus or None,
            memory=cluster.memory,
        )
        for answer in answers.iter_rows():
            counted[answer["of"]][answer["name"]] += answer["count"]
    except Exception as error:
        cause = _cause(error)
        if cause is None:
            raise BatchError(f"Ray gave up: {error}") from error
        raise cause from error
    return Counts(counted[STATUS], counted[KIND])


def tasks_of(
    units: Sequence[Unit], workers: int, least_photos: int = 1
) -> Iterator[Sequence[Unit]]:
    """The units of each task: more of them while much is left, single ones at the end.

    A task costs Ray some milliseconds, 40 KB of the driver's memory, and a file of records; one
    that is too large keeps the others waiting at the end, and is lost with its worker.

    Args:
        units: in the order of the photos.
        workers: how many there may be.
        least_photos: of a task, but for the last: what makes a shard of some size.
    """
    start = 0
    while start < len(units):
        share = (len(units) - start) // max(_SHARES * workers, _TASKS)
        stop = start + min(max(share, 1), _MOST_UNITS)
        photos = sum(one.stop - one.start for one in units[start:stop])
        while photos < least_photos and stop < len(units):
            photos += units[stop].stop - units[stop].start
            stop += 1
        yield units[start:stop]
        start = stop


def threaded(order: Order, cluster: Cluster) -> Order:
    """The order with as many threads for a network as its worker has cores."""
    if order.cfg.VX.ONNX.THREADS or cluster.gpus:
        return order
    cfg = order.cfg.clone()
    cfg.defrost()
    cfg.VX.ONNX.THREADS = threads_of(cluster)
    cfg.freeze()
    return replace(order, cfg=cfg)


def threads_of(cluster: Cluster) -> int:
    """How many threads a worker may use for what runs on the CPU."""
    return max(int(cluster.cpus), 1)


def _workers_that_fit(ray: Any, cluster: Cluster) -> int:
    there = ray.cluster_resources()
    fits = [there.get("CPU", 0) / cluster.cpus] if cluster.cpus else []
    fits += [there.get("GPU", 0) / cluster.gpus] if cluster.gpus else []
    fits += [there.get("memory", 0) / cluster.memory] if cluster.memory else []
    count = int(min(fits, default=1) + 1e-9)
    if count < 1:
        needs = f"{cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs, {cluster.memory or 0} bytes"
        raise BatchError(f"no node has what one worker needs ({needs}); it has {there}")
    return count


def _cause(error: BaseException) -> VxError | None:
    """Our own error below those of Ray, which wrap it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        # Ray makes a class of its own of each, a VxError too, whose text is a traceback.
        if isinstance(one, VxError) and type(one).__module__.startswith("vx_detectron."):
            return one
        waiting += [one.__cause__, one.__context__, getattr(one, "cause", None)]
        waiting += [
            part for part in one.args if isinstance(part, BaseException)
        ]  # of a ParcelError
    return None


def _has_dashboard() -> bool:
    from importlib.util import find_spec

    return find_spec("aiohttp") is not None and find_spec("opencensus") is not None


def _hush(ray: Any) -> None:
    """Keep Ray quiet in the terminal; it writes to its own log folder."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):  # the other one writes to the folder
            handler.setLevel(logging.CRITICAL)
