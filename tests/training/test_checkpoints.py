"""Checkpoints: whole or not at all, the last few, nothing executed, damage told in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from picture_files import file_size_limit

from vx_detectron.errors import TrainingError
from vx_detectron.training import checkpoints


def content(value: float = 0.0) -> dict[str, object]:
    return {"model": {"weight": torch.full((4,), value)}, checkpoints.TORCHVISION: {"iteration": 1}}


def save(folder: Path, iteration: int) -> None:
    checkpoints.save_checkpoint(
        folder, checkpoints.checkpoint_name(iteration), content(float(iteration))
    )


def test_the_last_two_are_kept_and_the_last_one_is_loaded(tmp_path: Path) -> None:
    assert checkpoints.load_last(tmp_path, checkpoints.TORCHVISION) is None
    checkpoints.save(tmp_path, checkpoints.BEST, content())
    for iteration in (99, 199, 299):
        save(tmp_path, iteration)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "last_checkpoint",
        "model_0000199.pth",
        "model_0000299.pth",
        "model_best.pth",
    ]
    loaded = checkpoints.load_last(tmp_path, checkpoints.TORCHVISION)
    assert loaded is not None and loaded["model"]["weight"].tolist() == [299.0] * 4


@pytest.mark.parametrize(
    "pointer", ["", "model_0000300.pth", "../else.pth", "\0\xff", "model_best.pth"]
)
def test_a_damaged_pointer_is_told_with_what_there_is(tmp_path: Path, pointer: str) -> None:
    save(tmp_path, 99)
    checkpoints.save(tmp_path, checkpoints.BEST, content())
    (tmp_path / checkpoints.LAST).write_bytes(pointer.encode("latin-1"))
    with pytest.raises(TrainingError, match=r"should name a checkpoint.*there are: model_0000099"):
        checkpoints.load_last(tmp_path, checkpoints.TORCHVISION)


@pytest.mark.parametrize("keep", [0, 3, 400])
def test_a_damaged_file_is_told_and_nothing_falls_back(tmp_path: Path, keep: int) -> None:
    save(tmp_path, 99)
    save(tmp_path, 199)
    path = tmp_path / "model_0000199.pth"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match=r"model_0000199\.pth cannot be read .*model_0000099"):
        checkpoints.load_last(tmp_path, checkpoints.TORCHVISION)


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoints.save_checkpoint(
        tmp_path, "model_0000001.pth", {**content(), checkpoints.TORCHVISION: Malicious()}
    )
    with pytest.raises(TrainingError, match="cannot be read"):
        checkpoints.load_last(tmp_path, checkpoints.TORCHVISION)
    assert not (tmp_path / "executed").exists()


def test_the_other_engines_checkpoint_is_not_taken(tmp_path: Path) -> None:
    save(tmp_path, 99)
    with pytest.raises(TrainingError, match="and 'trainer', but has model, training; training"):
        checkpoints.load_last(tmp_path, checkpoints.DETECTRON2)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    save(tmp_path, 99)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        file_size_limit(100),
        pytest.raises(TrainingError, match=r"cannot write .*model_0000199\.pth.* Free space"),
    ):
        save(tmp_path, 199)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
