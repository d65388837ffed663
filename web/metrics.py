"""Metrics for Prometheus: counts, durations, memory. Nothing about any photo."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from web.gate import Gate
from web.opened import OpenedPhotos


class Metrics:
    """The figures of one app."""

    def __init__(self, gate: Gate, photos: OpenedPhotos) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, open files, processor time; Linux only
        self._answers = Counter(
            "vx_answers", "Answers, by endpoint and status.", ["endpoint", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "vx_stage_seconds", "Seconds per stage.", ["stage"], registry=self.registry
        )
        inside = Gauge(
            "vx_requests_inside", "Requests that are running or waiting.", registry=self.registry
        )
        inside.set_function(lambda: gate.inside)
        opened = Gauge("vx_opened_photos", "Photos that are open.", registry=self.registry)
        opened.set_function(lambda: len(photos))

    def answered(self, endpoint: str, status: int) -> None:
        """Count one answer."""
        self._answers.labels(endpoint, str(status)).inc()

    def took(self, seconds: Mapping[str, float]) -> None:
        """Note the stages of one cut."""
        for stage, spent in seconds.items():
            self._seconds.labels(stage).observe(spent)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
