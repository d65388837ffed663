"""Averaging checkpoints: the mean by hand, and what cannot be averaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from vx_detectron.cli.average_checkpoints import main
from vx_detectron.weights.catalog import resolve
from vx_detectron.weights.checkpoint_file import read_checkpoint, read_metadata


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


def test_counters_may_be_missing_in_some(tmp_path: Path) -> None:
    """A file to cut with has none; the order of the files makes no difference."""
    first, second = tmp_path / "small.pth", checkpoint(tmp_path / "b.pth", 5.0, 9)
    torch.save({"model": {"layer.weight": torch.full((2,), 1.0)}}, first)
    for number, names in enumerate([(first, second), (second, first)]):
        output = tmp_path / f"mean{number}.pth"
        result = CliRunner().invoke(main, [*map(str, names), "-o", str(output)])
        assert result.exit_code == 0, result.output
        mean = read_checkpoint(output)
        assert torch.equal(mean["layer.weight"], torch.tensor([3.0, 3.0]))
        assert mean["norm.num_batches_tracked"].item() == 9


def test_bundled_weights_can_be_averaged(tmp_path: Path) -> None:
    """With what a training of them might have written."""
    path = resolve("bundled://vx_hints.safetensors")
    bundled, metadata = read_checkpoint(path), read_metadata(path)
    floats = [name for name, value in bundled.items() if value.is_floating_point()]
    moved = {name: bundled[name].float() + 2 for name in floats}
    torch.save({"model": moved, "metadata": metadata}, tmp_path / "model_final.pth")
    output = tmp_path / "mean.pth"
    names = ["bundled://vx_hints.safetensors=3", f"{tmp_path / 'model_final.pth'}=1"]
    result = CliRunner().invoke(main, [*names, "-o", str(output)])
    assert result.exit_code == 0, result.output
    mean = read_checkpoint(output)
    for name in moved:
        torch.testing.assert_close(mean[name], bundled[name].float() + 0.5)
    assert read_metadata(output)["eye_sha256"] == metadata["eye_sha256"]  # else it is of no use


def test_hint_decoders_of_different_eyes_are_not_averaged(tmp_path: Path) -> None:
    for number in range(2):
        metadata = {"kind": "hints", "eye_sha256": f"{number}" * 64}
        model = {"layer.weight": torch.ones(2)}
        torch.save({"model": model, "metadata": metadata}, tmp_path / f"{number}.pth")
    names = [str(tmp_path / "0.pth"), str(tmp_path / "1.pth")]
    result = CliRunner().invoke(main, [*names, "-o", str(tmp_path / "mean.pth")])
    assert result.exit_code == 1 and "eye_sha256" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.pth", "other.pth"], 1, "different networks"),
        (["a.pth=0", "a.pth"], 2, "above 0"),
        (["a.pth=nan"], 2, "above 0"),
        (["a.pth=much"], 2, "FILE=SHARE"),
        (["a.pth", "none.pth"], 1, "nothing is at none.pth"),
        (["a.pth", "bundled://none"], 1, "There are: vx_eye.onnx"),
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
