"""``benchmarks/jobs.py``: its photos, and its talk with the processes that it times."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image
from shipped_photos import ROOT


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("jobs")


def test_no_two_photos_are_alike(benchmark: ModuleType, tmp_path: Path) -> None:
    photos = benchmark.make_photos(tmp_path, 11, 120)
    contents = {path.read_bytes() for path in photos}
    assert len(photos) == len(contents) == 11
    with Image.open(photos[0]) as picture:
        assert picture.size == (120, 120)


@pytest.mark.parametrize("said", ["no subject found", ""])
def test_a_photo_that_fails_ends_the_measurement(benchmark: ModuleType, said: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", f"print('ready'); print('done 1.5'); print({said!r})"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert benchmark.listen(child, "ready") == ""
        assert benchmark.listen(child, "done") == "1.5"
        with pytest.raises(SystemExit, match="expected done"):
            benchmark.listen(child, "done")
