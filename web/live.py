"""Live pictures: one follower per browser with a camera, and their limits."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field

from cachetools import TTLCache
from flask import current_app

from vx_detectron.deliver import mask_picture
from vx_detectron.engines import build_eye
from vx_detectron.errors import EngineError
from vx_detectron.image_io import read_photo
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray
from vx_detectron.video.cutting import smooth_alpha
from vx_detectron.video.following import Follower, Marks
from vx_detectron.video.options import FollowOptions
from web.errors import BadOptionError, BusyError, PhotoGoneError
from web.service import service

MAX_BYTES, MAX_PIXELS = 512 * 1024, 640 * 640  # of a frame, which comes smaller than it is shown
_EYE_SIZE = 192
_OPTIONS = FollowOptions(detect_every=15, side=320)
_MOST, _SECONDS = 8, 30.0  # of browsers at a time, and until one that is silent is forgotten
_EARLIER = 4  # frames between the two that show what moves on its own


@dataclass(eq=False)
class Session:
    """One browser's camera.

    Attributes:
        follower: of its subject.
    """

    follower: Follower
    _earlier: deque[ByteArray] = field(default_factory=lambda: deque(maxlen=_EARLIER))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mask(self, image: ByteArray, marks: Marks) -> tuple[ByteArray, str, tuple[str, ...]]:
        """The mask of the next frame, uint8 (h, w), its state, and what the subject is.

        Raises:
            BusyError: the previous frame is still being processed.
            SubjectError: there is nothing at the marked point.
        """
        if not self._lock.acquire(blocking=False):
            raise BusyError(retry_after=1)
        try:
            earlier = self._earlier[0] if self._earlier else None
            if earlier is not None and earlier.shape != image.shape:
                earlier = None
                self._earlier.clear()
            self._earlier.append(image)
            found = self.follower.follow(image, earlier, marks)
        finally:
            self._lock.release()
        alpha = smooth_alpha(found.mask, (image.shape[0], image.shape[1]))
        return mask_picture(alpha), found.state, found.labels


class Sessions:
    """All of them, and the networks that they share."""

    def __init__(self, isolator: Isolator) -> None:
        cfg = isolator.cfg.clone()
        cfg.defrost()
        cfg.VX.EYE.SIZES, cfg.VX.EYE.ZOOM = (_EYE_SIZE,), False
        cfg.freeze()
        eye = build_eye(cfg)
        if eye is None:
            raise EngineError("this server has no eye (VX.EYE.NAME is none), which live mode needs")
        self._isolator = Isolator(cfg, isolator.detector, eye)
        self._lock = threading.Lock()
        self._known: TTLCache[str, Session] = TTLCache(_MOST, _SECONDS)

    def start(self) -> str:
        """A new one; its id.

        Raises:
            BusyError: there are too many.
        """
        with self._lock:
            self._known.expire()
            if len(self._known) >= _MOST:
                raise BusyError(retry_after=round(_SECONDS))
            name = secrets.token_urlsafe(16)
            self._known[name] = Session(Follower(self._isolator, None, _OPTIONS))
        return name

    def get(self, name: str) -> Session:
        """One that is known, which lives on.

        Raises:
            PhotoGoneError: it is not known, or was silent for too long.
        """
        with self._lock:
            found = self._known.get(name)
            if found is None:
                raise PhotoGoneError
            self._known[name] = found
            return found

    def end(self, name: str) -> None:
        """Forget one."""
        with self._lock:
            self._known.pop(name, None)


def sessions() -> Sessions:
    """The app's, made when they are first asked for."""
    found = current_app.extensions.get("vx.live")
    if found is None:
        found = current_app.extensions["vx.live"] = Sessions(service().isolator)
    assert isinstance(found, Sessions)
    return found


def read_frame(data: bytes) -> ByteArray:
    """A JPEG or WebP as uint8 (H, W, 3), RGB.

    Raises:
        ImageError: it is none, or too large.
    """
    return read_photo(data, max_pixels=MAX_PIXELS, max_bytes=MAX_BYTES).pixels


def read_point(text: str | None) -> Marks:
    """``X,Y`` in pixels of the frame, as marks; nothing for nothing.

    Raises:
        BadOptionError: it is something else.
    """
    if not text:
        return Marks()
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise BadOptionError(
            f"X-Point: expected X,Y in pixels of the frame, got {text!r}."
        ) from None
    return Marks(at=(x, y))
