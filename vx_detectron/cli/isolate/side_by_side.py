"""Photos in several threads, handed out in their order.

Decoders, networks, OpenCV and NumPy let other threads run meanwhile, so threads are enough, and
they share one network. Each takes a whole photo: while one decodes, the other's network runs.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextlib import contextmanager
from typing import Generic, TypeVar

from fvcore.common.config import CfgNode

T = TypeVar("T")

_MOST_AT_ONCE = 4  # photos by default: each takes memory
_MOST_PIXELS = 48_000_000  # in work together; some 25 bytes each. A larger photo is alone.
_AHEAD = 4  # results that may wait for an earlier one, for each thread
_POLL = 0.2  # seconds; Windows does not let Ctrl-C interrupt a longer wait


class StoppedError(BaseException):
    """Within a thread: nobody wants the result any more. Not an error of the photo."""


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return os.cpu_count() or 1


def usual_number(photos: int) -> int:
    """How many photos are worked on at a time where nobody says."""
    return max(min(cores(), _MOST_AT_ONCE, photos), 1)


def share_of_cores(photos: int) -> int:
    """How many cores each of some photos at a time gets."""
    return max(cores() // photos, 1)


def share_cores(cfg: CfgNode, photos: int) -> CfgNode:
    """The configuration, so that each of some photos at a time gets its share of the cores.

    A number of threads that was asked for stays.
    """
    if photos == 1 or cfg.VX.ONNX.THREADS:
        return cfg
    shared = cfg.clone()
    shared.defrost()
    shared.VX.ONNX.THREADS = share_of_cores(photos)
    shared.freeze()
    return shared


def limit_threads(photos: int) -> None:
    """Hold OpenCV, and torch where it is loaded, to each photo's share of the cores.

    Their pools serve one caller at a time: photos that share one wait for each other.
    """
    if photos == 1:
        return
    import cv2

    share = share_of_cores(photos)
    cv2.setNumThreads(min(cv2.getNumThreads(), share))
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.set_num_threads(min(torch.get_num_threads(), share))


class SideBySide(Generic[T]):
    """Does work in some threads; with one, at once and in the caller's.

    A context: when it ends early, what has not begun is dropped, and what runs ends at its next
    ``check``.

    Args:
        threads: how many.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "photo") if threads > 1 else None
        self._most = _AHEAD * threads
        self._results: deque[Future[T]] = deque()
        self._stopped = threading.Event()
        self._room = threading.Condition()
        self._pixels = 0

    def __enter__(self) -> SideBySide[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, work: Callable[[], T]) -> None:
        """Do it, or have it done; ``work`` raises no Exception."""
        if self._pool is not None:
            self._results.append(self._pool.submit(work))
        else:
            self.add_result(work())

    def add_result(self, result: T) -> None:
        """Something that is done already takes its place in the order."""
        done: Future[T] = Future()
        done.set_result(result)
        self._results.append(done)

    def ready(self) -> Iterator[T]:
        """The results that are there, in the order of the work; waits where too many wait."""
        while self._results and (self._results[0].done() or len(self._results) >= self._most):
            yield self._next()

    def rest(self) -> Iterator[T]:
        """All other results, as they come."""
        while self._results:
            yield self._next()

    def check(self) -> None:
        """Within the work, between its steps: StoppedError when nobody wants it any more."""
        if self._stopped.is_set():
            raise StoppedError

    @contextmanager
    def holding(self, pixels: int) -> Iterator[None]:
        """Within the work: wait until a photo of this size fits beside the others, for memory."""
        with self._room:
            while self._pixels and self._pixels + pixels > _MOST_PIXELS:
                self._room.wait(_POLL)
                self.check()
            self._pixels += pixels
        try:
            yield
        finally:
            with self._room:
                self._pixels -= pixels
                self._room.notify_all()

    def _next(self) -> T:
        first = self._results[0]
        while True:
            try:
                result = first.result(_POLL)
            except NotYetError:
                continue
            self._results.popleft()
            return result
