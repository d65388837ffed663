"""What the workers of a run share: their progress, and which photos killed a worker.

One Ray actor, beside the driver. A worker notes what it begins before it begins it. A note that is
found again was left by a worker that died; its photos are then tried one at a time, and one that a
worker dies of alone is given up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


class Ledger:
    """The notes of one run; ``start`` makes it an actor."""

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()
        self.alone: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.workers: set[str] = set()
        self.deaths = 0
        self.seconds = 0.0

    def begin(self, unit: str, worker: str) -> int:
        """Note that a worker begins a unit; returns how often one was begun and not ended."""
        self.workers.add(worker)
        before = self.units[unit]
        self.units[unit] += 1
        self.deaths += before > 0
        return before

    def end(self, unit: str, counts: Mapping[str, int], seconds: float) -> None:
        """Note that a unit is done, and add to what is done."""
        self.units.pop(unit, None)
        self.tick(counts, seconds)

    def begin_alone(self, place: str) -> int:
        """Note that a worker starts a photo; returns how often a worker has died on it."""
        before = self.alone[place]
        self.alone[place] += 1
        return before

    def end_alone(self, place: str) -> None:
        """Note that the worker survived it."""
        self.alone.pop(place, None)

    def tick(self, counts: Mapping[str, int], seconds: float) -> None:
        """Add to what is done: photos by status, and the seconds that they took."""
        self.counts.update(counts)
        self.seconds += seconds

    def state(self) -> dict[str, Any]:
        """What the progress shows."""
        return {
            "counts": dict(self.counts),
            "workers": len(self.workers),
            "deaths": self.deaths,
            "seconds": self.seconds,
        }


def start(ray: Any) -> Any:
    """The ledger as an actor on this node; it outlives its own death, without its memory."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    actor = ray.remote(Ledger).options(
        num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here
    )
    return actor.remote()
