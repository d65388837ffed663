"""The bounded queue: so many requests work, so many wait, and the others are told to come back."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from web.errors import BusyError, ClientGoneError, TooSlowError

_POLL = 0.2  # seconds between two looks at whether a waiting client is still there


class Turn:
    """One request's right to work, until its time is up or its client is gone."""

    def __init__(self, seconds: float, gone: Callable[[], bool]) -> None:
        self._deadline = monotonic() + seconds
        self._gone = gone

    def check(self) -> None:
        """Between two steps: TooSlowError or ClientGoneError when the work is to be dropped."""
        if self._gone():
            raise ClientGoneError
        if monotonic() > self._deadline:
            raise TooSlowError


class Gate:
    """Bounds the work that goes on at the same time, and the work that waits for it.

    Args:
        workers: how many may work at the same time.
        queue: how many more may wait.
        time_limit: seconds for waiting and working together.
    """

    def __init__(self, workers: int, queue: int, time_limit: float) -> None:
        self._capacity = workers + queue
        self._workers = workers
        self._time_limit = time_limit
        self._free = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._mean_seconds = 1.0
        self.inside = 0
        self.closed = False

    @contextmanager
    def turn(self, gone: Callable[[], bool]) -> Iterator[Turn]:
        """Wait for a turn, and hold it.

        Args:
            gone: whether the client has hung up.

        Raises:
            BusyError: the queue is full, or the server is stopping.
            TooSlowError, ClientGoneError: before or while it worked.
        """
        turn = Turn(self._time_limit, gone)
        self._enter()
        try:
            while not self._free.acquire(timeout=_POLL):
                turn.check()
            started = monotonic()
            try:
                turn.check()
                yield turn
            finally:
                self._free.release()
                self._learn(monotonic() - started)
        finally:
            with self._lock:
                self.inside -= 1

    def close(self) -> None:
        """Let nobody in any more; who is inside may finish."""
        self.closed = True

    def _enter(self) -> None:
        with self._lock:
            if self.closed or self.inside >= self._capacity:
                wait = self._mean_seconds * self.inside / self._workers
                raise BusyError(retry_after=max(1, math.ceil(wait)))
            self.inside += 1

    def _learn(self, seconds: float) -> None:
        """A running mean, for an honest Retry-After."""
        with self._lock:
            self._mean_seconds += 0.1 * (seconds - self._mean_seconds)
