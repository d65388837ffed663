"""Averaging checkpoints: the mean by hand, and what cannot be averaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from vx_detectron.cli.average_checkpoints import main
from vx_detectron.weights.checkpoint_file import read_checkpoint


def checkpoint(path: Path, value: float, count: int = 7, size: int = 2) -> Path:
    state = {
        "layer.weight": torch.full((size,), value),
        "norm.num_batches_tracked": torch.tensor(count),
    }
    torch.save({"model": state}, path)
    return path


def test_the_mean_is_weighted_and_counters_are_the_first_ones(tmp_path: Path) -> None:
    first, second = checkpoint(tmp_path / "a.pth", 1.0), checkpoint(tmp_path / "b.pth", 5.0, 9)
    output = tmp_path / "mean.pth"
    result = CliRunner().invoke(main, [f"{first}=3", str(second), "-o", str(output)])
    assert result.exit_code == 0, result.output
    mean = read_checkpoint(output)
    assert torch.equal(mean["layer.weight"], torch.tensor([2.0, 2.0]))
    assert mean["norm.num_batches_tracked"].item() == 7


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.pth", "other.pth"], 1, "different networks"),
        (["a.pth=0", "a.pth"], 2, "above 0"),
        (["a.pth=nan"], 2, "above 0"),
        (["a.pth=much"], 2, "FILE=SHARE"),
        (["none.pth"], 2, "no such file: none.pth"),
    ],
)
def test_what_cannot_be_averaged_is_refused_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint(tmp_path / "a.pth", 1.0)
    checkpoint(tmp_path / "other.pth", 1.0, size=3)
    result = CliRunner().invoke(main, [*arguments, "-o", "mean.pth"])
    assert result.exit_code == code and words in result.output
    assert not (tmp_path / "mean.pth").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "a.pth", 1.0)
    result = CliRunner().invoke(main, [str(first), "-o", str(first)])
    assert result.exit_code == 2 and "already" in result.output
