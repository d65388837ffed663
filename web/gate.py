"""The bounded queue: a limited number of requests run or wait, and others are asked to retry.

Work runs in separate threads. So a response can be sent in time while a step that cannot be
interrupted runs to its end, and memory is not spread over the heaps of all the threads that wait.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic
from typing import TypeVar

from web.errors import BusyError, ClientGoneError, TooSlowError

_POLL = 0.2  # seconds between two looks at whether a waiting client is still there

T = TypeVar("T")


class Turn:
    """One request's permission to run, until its time is up or its client is gone."""

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
    """Limits the work that runs at the same time, and the work that waits.

    Args:
        workers: how many may work at the same time.
        queue: how many more may wait.
        time_limit: seconds for waiting and working together.
    """

    def __init__(self, workers: int, queue: int, time_limit: float) -> None:
        self._capacity = workers + queue
        self._workers = workers
        self._time_limit = time_limit
        self._pool = ThreadPoolExecutor(workers, "worker")
        self._lock = threading.Lock()
        self._mean_seconds = 1.0
        self.inside = 0
        self.closed = False

    def run(self, work: Callable[[Turn], T], gone: Callable[[], bool]) -> T:
        """The result of the work, once it has had its turn.

        Args:
            work: runs in a thread of the gate's; calls ``Turn.check`` between its steps.
            gone: whether the client has hung up.

        Raises:
            BusyError: the queue is full, or the server is stopping.
            TooSlowError, ClientGoneError: before it worked, or while it did. A step that has begun
                then runs to its end, and its place is taken as long.
        """
        turn = Turn(self._time_limit, gone)
        self._enter()
        job = self._pool.submit(self._work, work, turn)
        try:
            while not wait([job], timeout=_POLL).done:
                turn.check()
            return job.result()
        finally:
            if job.cancel():  # it had not begun
                self._leave()
            del job  # it holds an error that holds this frame: both, and the photo, would stay

    def close(self) -> None:
        """Accept no more requests; those inside may finish."""
        self.closed = True

    def _work(self, work: Callable[[Turn], T], turn: Turn) -> T:
        started = monotonic()
        try:
            turn.check()
            return work(turn)
        finally:
            self._learn(monotonic() - started)
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if self.closed or self.inside >= self._capacity:
                raise BusyError(retry_after=self._until_empty())
            self.inside += 1

    def _until_empty(self) -> int:
        """Seconds until who is inside now will have left; nobody waits beyond the time limit."""
        seconds = self._mean_seconds * self.inside / self._workers
        return max(1, math.ceil(min(seconds, self._time_limit)))

    def _leave(self) -> None:
        with self._lock:
            self.inside -= 1

    def _learn(self, seconds: float) -> None:
        """A running mean, for an honest Retry-After."""
        with self._lock:
            self._mean_seconds += 0.1 * (seconds - self._mean_seconds)
