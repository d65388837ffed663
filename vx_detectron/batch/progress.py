"""The progress of a run: for people at a terminal, and for Prometheus."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vx_detectron.batch.lock import Holding
from vx_detectron.batch.plan import Plan
from vx_detectron.errors import BatchError

_LOOK = 1.0  # seconds between two looks at the ledger
_LINE = 30.0  # seconds between two lines, where there is no terminal


class Progress:
    """Follows a run by its ledger.

    Args:
        say: receives a line now and then; None for silence.
        bar: draw a bar on standard error instead.
        metrics: the port for Prometheus, on loopback only; None for none.

    Raises:
        BatchError: the port is taken, or prometheus_client is not installed.
    """

    def __init__(
        self,
        say: Callable[[str], None] | None = None,
        *,
        bar: bool = False,
        metrics: int | None = None,
    ) -> None:
        self.say, self.bar = say, bar
        self.exporter = None if metrics is None else Exporter(metrics)

    @contextmanager
    def following(self, ray: Any, notes: Any, plan: Plan, holding: Holding) -> Iterator[None]:
        """Follow while the block runs."""
        stop = threading.Event()
        thread = threading.Thread(
            target=self._follow, args=(ray, notes, plan, holding, stop), daemon=True
        )
        thread.start()
        try:
            yield
        except KeyboardInterrupt:
            holding.check()  # another run has taken the output over, and this one stopped itself
            raise
        finally:
            stop.set()
            thread.join(timeout=10)

    def _follow(
        self, ray: Any, notes: Any, plan: Plan, holding: Holding, stop: threading.Event
    ) -> None:
        said = time.monotonic()
        began, before = said, 0  # from the first photos on: starting workers is no work
        bar = None
        if self.bar:
            from tqdm import tqdm  # type: ignore[import-untyped]

            bar = tqdm(total=plan.todo, unit="photo", file=sys.stderr)
        last = False
        while not last:
            last = stop.wait(_LOOK)
            if holding.lost is not None:
                signal.raise_signal(signal.SIGINT)
                break
            try:
                state = ray.get(notes.state.remote(), timeout=5)
            except Exception:  # Ray is busy, or going away; the next look tells
                continue
            done = sum(state["counts"].values())
            if not before:
                began, before = time.monotonic(), done
            if self.exporter is not None:
                self.exporter.show(state, plan)
            if bar is not None:
                bar.update(min(done, plan.todo) - bar.n)
            elif self.say is not None and done > before and time.monotonic() - said > _LINE:
                said = time.monotonic()
                self.say(line_of(done, plan.todo, (done - before) / (said - began), state))
        if bar is not None:
            bar.close()


def line_of(done: int, todo: int, speed: float, state: dict[str, Any]) -> str:
    """The progress in one line; the speed is in photos per second.

    >>> line_of(50, 200, 5.0, {"counts": {"failed": 2}, "deaths": 1})
    '50 of 200 photos, 5.0 per second, 30 s left; 2 failed; 1 worker died'
    """
    words = f"{done:,} of {todo:,} photos, {speed:.1f} per second"
    words += f", {duration(max(todo - done, 0) / speed)} left" if speed else ""
    failed, deaths = state["counts"].get("failed", 0), state["deaths"]
    words += f"; {failed:,} failed" if failed else ""
    words += f"; {deaths} worker{'s' * (deaths > 1)} died" if deaths else ""
    return words


def duration(seconds: float) -> str:
    """A duration as text.

    >>> duration(42), duration(600), duration(9000), duration(200_000)
    ('42 s', '10 min', '2.5 h', '2.3 days')
    """
    for size, name, digits in ((86_400.0, "days", 1), (3600.0, "h", 1), (60.0, "min", 0)):
        if seconds >= 2 * size or (name == "min" and seconds >= size):
            return f"{seconds / size:.{digits}f} {name}"
    return f"{seconds:.0f} s"


class Exporter:
    """What Prometheus reads, at http://127.0.0.1:PORT/metrics."""

    def __init__(self, port: int) -> None:
        try:
            from prometheus_client import CollectorRegistry, Gauge, start_http_server
        except ImportError as error:
            raise BatchError(
                'metrics need prometheus_client: pip install "vx-detectron[batch]"'
            ) from error
        registry = CollectorRegistry()
        self.photos = Gauge(
            "vx_batch_photos", "Photos of this run, by status.", ["status"], registry=registry
        )
        self.todo = Gauge("vx_batch_photos_todo", "Photos of this run.", registry=registry)
        self.seconds = Gauge(
            "vx_batch_worker_seconds", "Seconds of worker time spent on photos.", registry=registry
        )
        self.deaths = Gauge(
            "vx_batch_worker_deaths", "Units that a worker left unfinished.", registry=registry
        )
        self.workers = Gauge(
            "vx_batch_workers", "Worker processes that have started work.", registry=registry
        )
        try:
            self.server, self.thread = start_http_server(port, "127.0.0.1", registry)
        except OSError as error:
            raise BatchError(f"the port {port} for the metrics is taken: {error}") from error
        self.port = self.server.server_port

    def show(self, state: dict[str, Any], plan: Plan) -> None:
        """Take over what the ledger says."""
        for status, count in state["counts"].items():
            self.photos.labels(status).set(count)
        self.todo.set(plan.todo)
        self.seconds.set(state["seconds"])
        self.deaths.set(state["deaths"])
        self.workers.set(state["workers"])

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
