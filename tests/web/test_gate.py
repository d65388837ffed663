"""The bounded queue, with threads that wait for each other and not for the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from web.errors import BusyError, ClientGoneError, TooSlowError
from web.gate import Gate


def here() -> bool:
    return False


@contextmanager
def occupied(gate: Gate):  # type: ignore[no-untyped-def]
    """Somebody works, in another thread."""
    inside, done = threading.Event(), threading.Event()

    def work() -> None:
        with gate.turn(here):
            inside.set()
            done.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    inside.wait(30)
    try:
        yield
    finally:
        done.set()
        worker.join(30)


def enter(gate: Gate, gone: Callable[[], bool] = here) -> None:
    with gate.turn(gone):
        pass


def test_a_full_queue_says_when_to_come_back() -> None:
    gate = Gate(workers=1, queue=0, time_limit=30)
    with occupied(gate):
        with pytest.raises(BusyError) as busy:
            enter(gate)
        assert busy.value.retry_after >= 1
    enter(gate)
    assert gate.inside == 0


def test_who_waits_gets_the_next_turn() -> None:
    gate = Gate(workers=1, queue=1, time_limit=30)
    through = threading.Event()

    def wait_for_it() -> None:
        with gate.turn(here):
            through.set()

    with occupied(gate):
        waiter = threading.Thread(target=wait_for_it)
        waiter.start()
        assert not through.wait(0.3)
    assert through.wait(30)
    waiter.join(30)


def test_a_client_that_hangs_up_stops_waiting() -> None:
    gate = Gate(workers=1, queue=1, time_limit=30)
    with occupied(gate):
        with pytest.raises(ClientGoneError):
            enter(gate, gone=lambda: True)
        assert gate.inside == 1


def test_time_spent_waiting_counts() -> None:
    gate = Gate(workers=1, queue=1, time_limit=0.0)
    with pytest.raises(TooSlowError):
        enter(gate)
    assert gate.inside == 0


def test_between_two_steps_work_is_dropped() -> None:
    gate = Gate(workers=1, queue=0, time_limit=30)
    left: list[bool] = [False]
    with pytest.raises(ClientGoneError), gate.turn(lambda: left[0]) as turn:
        turn.check()
        left[0] = True
        turn.check()
    enter(gate)


def test_a_closed_gate_lets_nobody_in() -> None:
    gate = Gate(workers=1, queue=5, time_limit=30)
    gate.close()
    with pytest.raises(BusyError):
        enter(gate)
