"""Opened photos: kept for a while, so that choosing again needs no second run of the network."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cachetools import TTLCache

from vx_detectron.deliver.cutout import Cutout
from vx_detectron.interactive import Hints
from vx_detectron.pipeline import OpenPhoto, Start
from vx_detectron.refine import RefineOptions
from vx_detectron.subject import Choice
from web.errors import PhotoGoneError

# A photo with transparency, the alpha of the last cut, and that of the cut which hints correct.
BYTES_A_PIXEL = 3 + 3 + 1 + 4 + 4
_POLL = 0.2  # seconds between two looks at whether a cut is still wanted
_LEAST_BYTES = 2**20  # so that bounded bytes also bound the count


@dataclass(eq=False)
class Opened:
    """One opened photo, and its last cut, so that another background does not cut again.

    Attributes:
        found: the photo, and what the network found in it.
    """

    found: OpenPhoto
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: tuple[object, Cutout] | None = None

    def cut(
        self,
        choice: Choice,
        refine_options: RefineOptions,
        megapixels: float | None,
        check: Callable[[], None],
        *,
        hints: Hints | None = None,
        start: Start | None = None,
    ) -> Cutout:
        """As ``OpenPhoto.cut``; the same question again costs nothing."""
        while not self._lock.acquire(timeout=_POLL):
            check()
        try:
            asked = (choice, refine_options, megapixels, hints, start)
            if self._last is None or self._last[0] != asked:
                self._last = None  # first, else both would be in memory for a while
                cutout = self.found.cut(
                    choice,
                    refine_options,
                    hints=hints,
                    start=start,
                    megapixels=megapixels,
                    check=check,
                )
                self._last = (asked, cutout)
            return self._last[1]
        finally:
            self._lock.release()

    @property
    def size(self) -> int:
        """Approximate size in memory, in bytes."""
        photo = self.found.photo
        alpha = 4 * photo.pixels[..., 0].size  # of the last cut
        grids = self.found.instances.mask_grids.nbytes
        return max(photo.nbytes + alpha + grids + self.found.kept_bytes, _LEAST_BYTES)


class OpenedPhotos:
    """Opened photos under unguessable ids. The least recently used go when memory is short.

    Args:
        memory: bytes for all of them.
        lifetime: seconds that one stays after its last use.
    """

    def __init__(self, memory: int, lifetime: float) -> None:
        self.lifetime = lifetime
        self._photos: TTLCache[str, Opened] = TTLCache(
            memory, ttl=lifetime, getsizeof=lambda one: one.size
        )
        self._lock = threading.Lock()
        # A daemon: photos go on time even when nobody asks for anything any more.
        threading.Thread(target=self._sweep, name="photo-sweeper", daemon=True).start()

    def add(self, opened: Opened) -> str:
        """Keep a photo; returns its id."""
        name = secrets.token_urlsafe(24)
        with self._lock:
            self._photos[name] = opened
        return name

    def get(self, name: str) -> Opened:
        """The photo of that id, whose lifetime starts again; PhotoGoneError when there is none."""
        with self._lock:
            opened = self._photos.pop(name, None)
            if opened is None:
                raise PhotoGoneError
            self._photos[name] = opened
            return opened

    def forget(self, name: str) -> None:
        """Drop the photo of that id; PhotoGoneError when there is none."""
        with self._lock:
            if self._photos.pop(name, None) is None:
                raise PhotoGoneError

    def __len__(self) -> int:
        with self._lock:
            self._photos.expire()
            return len(self._photos)

    def _sweep(self) -> None:
        pause = threading.Event()
        while not pause.wait(min(self.lifetime / 4, 30.0)):
            len(self)
