"""Keep a long run from swelling: what photos of many sizes leave behind goes back to the system."""

from __future__ import annotations

import ctypes
import sys

_PHOTOS = 32  # a trim takes milliseconds, and the heap must grow again after it


class Housekeeping:
    """Called once a photo; now and then it tidies the heap.

    The network's buffers have another size for each size of photo. They are all freed, but glibc
    keeps the gaps between them, and the process grows although nothing leaks. Other systems'
    allocators are left alone.
    """

    def __init__(self) -> None:
        self._count = 0
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim = getattr(libc, "malloc_trim", None)  # musl has none

    def __call__(self) -> None:
        """One photo is done."""
        self._count += 1
        if self._trim is not None and self._count % _PHOTOS == 0:
            self._trim(0)
