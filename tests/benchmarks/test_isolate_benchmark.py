"""What ``benchmarks/isolate.py`` takes for a peer, and how it adds up what is installed."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from types import ModuleType

import pytest
from shipped_photos import ROOT


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("isolate")


def test_a_peer_by_name_file_and_side(benchmark: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "a:b.onnx"  # a drive's colon is no end of the path
    file.touch()
    assert benchmark.Peer.parse(f"u2net={file}:320") == benchmark.Peer("u2net", str(file), 320)


@pytest.mark.parametrize(
    "text", ["", "u2net", "u2net=a.onnx", "=a.onnx:320", "u=:320", "u=a.onnx:0", "u=a.onnx:big"]
)
def test_what_is_no_peer(benchmark: ModuleType, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"expected NAME=FILE\.onnx:SIDE"):
        benchmark.Peer.parse(text)


def test_a_peer_that_is_not_there(benchmark: ModuleType) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a file"):
        benchmark.Peer.parse("u2net=nowhere.onnx:320")
