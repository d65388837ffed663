"""The bounded queue, with threads that wait for each other and not for the clock."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep

import pytest

from web.errors import BusyError, ClientGoneError, TooSlowError
from web.gate import Gate, Turn

LONG = 30  # seconds, which no test takes


def here() -> bool:
    return False


def enter(gate: Gate, gone: Callable[[], bool] = here) -> None:
    gate.run(lambda turn: None, gone)


@contextmanager
def occupied(gate: Gate) -> Iterator[None]:
    """Somebody works, in another thread."""
    inside, done = threading.Event(), threading.Event()

    def work(turn: Turn) -> None:
        inside.set()
        done.wait(LONG)

    def run() -> None:
        with suppress(TooSlowError):
            gate.run(work, here)

    client = threading.Thread(target=run)
    client.start()
    inside.wait(LONG)
    try:
        yield
    finally:
        done.set()
        client.join(LONG)


def test_a_full_queue_says_when_to_come_back() -> None:
    gate = Gate(workers=1, queue=0, time_limit=LONG)
    with occupied(gate):
        with pytest.raises(BusyError) as busy:
            enter(gate)
        assert busy.value.retry_after >= 1
    enter(gate)


def test_who_waits_gets_the_next_turn() -> None:
    gate = Gate(workers=1, queue=1, time_limit=LONG)
    through = threading.Event()
    with occupied(gate):
        waiter = threading.Thread(target=gate.run, args=(lambda turn: through.set(), here))
        waiter.start()
        assert not through.wait(0.3)
    assert through.wait(LONG)
    waiter.join(LONG)


def test_work_is_done_in_a_thread_of_the_gate_and_its_result_comes_back() -> None:
    gate = Gate(workers=1, queue=1, time_limit=LONG)
    threads = {gate.run(lambda turn: threading.get_ident(), here) for _ in range(3)}
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_an_error_of_the_work_comes_back() -> None:
    gate = Gate(workers=1, queue=0, time_limit=LONG)
    with pytest.raises(ZeroDivisionError):
        gate.run(lambda turn: 1 // 0, here)
    enter(gate)


def test_a_client_that_hangs_up_stops_waiting() -> None:
    gate = Gate(workers=1, queue=1, time_limit=LONG)
    with occupied(gate):
        with pytest.raises(ClientGoneError):
            enter(gate, gone=lambda: True)
        assert gate.inside == 1


def test_time_spent_waiting_counts() -> None:
    gate = Gate(workers=1, queue=1, time_limit=0.1)
    with occupied(gate), pytest.raises(TooSlowError):
        enter(gate)


def test_the_answer_leaves_in_time_though_the_work_goes_on() -> None:
    gate = Gate(workers=1, queue=0, time_limit=0.1)
    finish = threading.Event()
    with pytest.raises(TooSlowError):
        gate.run(lambda turn: finish.wait(LONG), here)
    with pytest.raises(BusyError):  # its place is taken as long as it works
        enter(gate)
    finish.set()
    deadline = monotonic() + LONG
    while gate.inside and monotonic() < deadline:
        sleep(0.01)
    enter(gate)


def test_between_two_steps_work_is_dropped() -> None:
    gate = Gate(workers=1, queue=0, time_limit=LONG)
    left, reached = threading.Event(), threading.Event()

    def work(turn: Turn) -> None:
        turn.check()
        left.set()
        turn.check()
        reached.set()

    with pytest.raises(ClientGoneError):
        gate.run(work, left.is_set)
    assert not reached.is_set()


def test_a_closed_gate_lets_nobody_in() -> None:
    gate = Gate(workers=1, queue=5, time_limit=LONG)
    gate.close()
    with pytest.raises(BusyError):
        enter(gate)


def test_nothing_of_an_error_is_kept() -> None:
    class Photo:
        """Whatever the work holds."""

    photos: list[weakref.ref[Photo]] = []

    def work(turn: Turn) -> None:
        photo = Photo()
        photos.append(weakref.ref(photo))
        raise ZeroDivisionError

    gc.disable()
    try:
        with pytest.raises(ZeroDivisionError):
            Gate(workers=1, queue=0, time_limit=LONG).run(work, here)
        assert photos[0]() is None
    finally:
        gc.enable()
