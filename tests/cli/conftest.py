"""Folders that only tests of the command line need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def very_deep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The lowest of 1,201 nested folders; the highest is "top", in the current folder.

    Everything is removed when the test ends: pytest's own clean-up calls itself for every level,
    so what stayed would end a later run with a RecursionError.
    """
    monkeypatch.chdir(tmp_path)
    bottom = Path("top", *"d" * 1200)
    for folder in (*reversed(bottom.parents), bottom):
        folder.mkdir(exist_ok=True)
    yield bottom
    folders = ["."]
    for one in folders:  # it grows meanwhile
        with os.scandir(one) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    os.unlink(entry.path)
    for one in reversed(folders[1:]):
        os.rmdir(one)
