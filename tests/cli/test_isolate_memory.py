"""What a long run gives back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from vx_detectron.housekeeping import Housekeeping


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_freed_memory_below_something_in_use_goes_back() -> None:
    if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("only glibc's heap needs this")
    blocks = [bytes([1]) * 60_000 for _ in range(3_000)]  # small enough for the heap
    last = blocks.pop()
    before = resident()
    blocks.clear()
    tidy = Housekeeping()
    for _ in range(50):  # photos
        tidy()
    assert resident() < before - 100_000_000
    assert last[0] == 1
