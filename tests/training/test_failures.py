"""What goes wrong in torch, in words; signals; and metrics in broken files."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from picture_files import file_size_limit
from torch.utils.data import DataLoader, Dataset

from vx_detectron.errors import DataError, TrainingError
from vx_detectron.training.batches import seed_step
from vx_detectron.training.failures import StopSignals, expect_finite_weights, in_words
from vx_detectron.training.metrics_log import MetricsLog, read_curves


def test_memory_that_is_not_there_names_the_keys_to_lower() -> None:
    with (
        pytest.raises(TrainingError, match=r"memory is full; lower SOLVER\.IMS_PER_BATCH"),
        in_words(),
    ):
        torch.empty(2**50)


def test_a_full_disk_is_told_with_the_file(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, 0)
    if log.board:  # its head is written by a thread, which must not meet the full disk
        log.board.flush()
    full = pytest.raises(TrainingError, match=r"cannot write .*: .*; free space, then --resume")
    with full, in_words(), file_size_limit(10):
        log.write(0, {"total_loss": 1.0})
    log.close()


class Failing(Dataset[int]):
    """Every item fails, in words or by dying."""

    def __init__(self, dies: bool) -> None:
        self.dies = dies

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        raise DataError("photo 7.png: cannot be used")


def test_a_workers_own_error_keeps_its_words_only() -> None:
    with pytest.raises(DataError) as got, in_words():
        next(iter(DataLoader(Failing(dies=False), num_workers=1)))
    assert str(got.value) == "photo 7.png: cannot be used"


def test_a_worker_that_was_killed_is_told() -> None:
    with (
        pytest.raises(TrainingError, match="worker that reads photos died"),
        in_words(),
    ):
        next(iter(DataLoader(Failing(dies=True), num_workers=1)))


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), in_words():
        torch.zeros(2).view(3)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run as a shell's background job, which does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_signal_is_noted_and_the_second_one_ends() -> None:
    with StopSignals() as stop:
        assert not stop.received
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_step_draws_the_same_whatever_was_drawn_before() -> None:
    seed_step(3, 10, 0)
    first = torch.rand(3)
    torch.rand(100)
    seed_step(3, 10, 0)
    assert torch.equal(torch.rand(3), first)
    for other in ((4, 10, 0), (3, 11, 0), (3, 10, 1)):
        seed_step(*other)
        assert not torch.equal(torch.rand(3), first)


def test_a_line_that_was_cut_off_goes_and_a_repeated_step_counts_last(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(
        '{"iteration": 0, "a": 1}\n{"iteration": 1, "a": 2}\n{"it'
    )
    log = MetricsLog(tmp_path, 1)
    log.write(1, {"a": 3.0, "b": 0.5})
    log.close()
    assert read_curves(tmp_path) == {"a": ([0, 1], [1, 3.0]), "b": ([1], [0.5])}


def test_weights_that_are_not_finite_are_not_saved() -> None:
    model = torch.nn.Linear(2, 2)
    expect_finite_weights(model, 4)
    with torch.no_grad():
        model.weight[0, 1] = torch.nan
    words = "weights weight are not finite after iteration 4, so they are not saved. Lower SOLVER"
    with pytest.raises(TrainingError, match=words):
        expect_finite_weights(model, 4)
