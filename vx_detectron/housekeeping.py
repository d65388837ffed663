"""Keep the memory of a long run small: return what photos of many sizes leave behind."""

from __future__ import annotations

import ctypes
import sys

_PHOTOS = 32  # a trim takes milliseconds, and the heap must grow again after it
_M_MMAP_THRESHOLD = -3  # in glibc's malloc.h
# Bytes, the upper limit that mallopt(3) names. A smaller threshold costs time: the kernel must
# clear the pages of every new block first (benchmarks/README.md).
_LARGE = 2**25


class Housekeeping:
    """Call it once per photo; from time to time it trims the heap.

    Arrays have another size for each size of photo. They are all freed, but glibc keeps the gaps
    between them, and the process grows although nothing leaks. What they leave is trimmed away.
    Only very large blocks come straight from the system and go back when they are freed. The limit
    is set because glibc, left alone, adapts it. Other systems' allocators are left alone.
    """

    def __init__(self) -> None:
        self._count = 0
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim = getattr(libc, "malloc_trim", None)  # musl has none
        if libc is not None and self._trim is not None:
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)

    def __call__(self) -> None:
        """One photo is done."""
        self._count += 1
        if self._trim is not None and self._count % _PHOTOS == 0:
            self._trim(0)
