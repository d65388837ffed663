"""A camera's pictures, cut in real time: late frames are dropped to keep the delay short."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Protocol

import numpy as np

from vx_detectron.deliver import Background
from vx_detectron.engines import Eye
from vx_detectron.errors import VideoError
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray
from vx_detectron.video.cutting import quickly
from vx_detectron.video.following import Followed, Follower
from vx_detectron.video.options import FollowOptions

EYE_SIZES = (128, 160, 192, 224, 256)
"""Short sides at which the eye may look; one is chosen by how fast the machine is."""

_OFTEN = 15  # frames over which the speed is judged
_SLOW, _QUICK = 1.0, 0.6  # of the time that a frame has: beyond it the eye looks smaller, or larger
_LAST = 60  # frames that the figures are of


class Camera(Protocol):
    """Where frames come from.

    Attributes:
        size: height and width of the frames.
        rate: frames per second that it gives.
    """

    size: tuple[int, int]
    rate: float

    def read(self) -> tuple[ByteArray, float] | None:
        """The next frame, uint8 (H, W, 3) RGB, and when it was taken (``perf_counter``).

        It waits for the frame; None is the end.
        """
        ...

    def close(self) -> None:
        """Close the camera."""
        ...


class Newest:
    """Reads a camera in a thread of its own and hands out the newest frame only.

    Args:
        camera: is closed at the end.

    Attributes:
        dropped: how many frames nobody took.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._ready = threading.Condition()
        self._frame: tuple[ByteArray, float] | None = None
        self._over = False
        self._error: Exception | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def take(self) -> tuple[ByteArray, float] | None:
        """The newest frame that was not taken yet; None at the end.

        Raises:
            VideoError: the camera failed.
        """
        with self._ready:
            self._ready.wait_for(lambda: self._frame is not None or self._over)
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise VideoError(f"the camera failed: {self._error}") from self._error
            return frame

    def close(self) -> None:
        """Stop reading."""
        self._over = True
        self._thread.join(timeout=5)
        self._camera.close()

    def _read(self) -> None:
        try:
            while not self._over:
                frame = self._camera.read()
                if frame is None:
                    break
                with self._ready:
                    self.dropped += self._frame is not None
                    self._frame = frame
                    self._ready.notify()
        except Exception as error:  # handed to whoever takes the frames
            self._error = error
        with self._ready:
            self._over = True
            self._ready.notify()


@dataclass
class Figures:
    """How fast it is, over the last frames.

    Attributes:
        frames: how many were shown in all.
        eye_size: at which the eye looks.
    """

    frames: int = 0
    eye_size: int = 0
    _shown: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST))
    _late: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST))
    _work: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST))

    def add(self, taken: float, began: float, shown: float) -> None:
        """One frame: when it was taken, when the work on it began, and when it was shown."""
        self.frames += 1
        self._shown.append(shown)
        self._late.append(shown - taken)
        self._work.append(shown - began)

    @property
    def rate(self) -> float:
        """Frames per second."""
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(self._shown[-1] - self._shown[0], 1e-6)

    @property
    def latency(self) -> float:
        """Median seconds from the camera to the screen."""
        return float(np.median(self._late)) if self._late else 0.0

    @property
    def work(self) -> float:
        """Median seconds of work on a frame."""
        return float(np.median(self._work)) if self._work else 0.0

    def __str__(self) -> str:
        return (
            f"{self.rate:.1f} frames/s, {self.latency * 1000:.0f} ms late, "
            f"{self.work * 1000:.0f} ms work, eye at {self.eye_size}"
        )


class Pace:
    """Chooses the size at which the eye looks, so that the frame rate is held.

    Args:
        rate: frames per second to hold.
        sizes: to choose from, rising.
    """

    def __init__(self, rate: float, sizes: tuple[int, ...] = EYE_SIZES) -> None:
        self._budget, self._sizes = 1 / rate, sizes
        self._at = len(sizes) // 2
        self._works: list[float] = []
        self._highest = len(sizes) - 1

    @property
    def size(self) -> int:
        """The size at the moment."""
        return self._sizes[self._at]

    def took(self, seconds: float) -> bool:
        """The work on one frame took so long; whether the size changes."""
        self._works.append(seconds)
        if len(self._works) < _OFTEN:
            return False
        share = float(np.mean(self._works)) / self._budget
        self._works.clear()
        before = self._at
        if share > _SLOW:
            # A size that was too slow is not tried again.
            self._at = self._highest = max(self._at - (2 if share > 2 * _SLOW else 1), 0)
        elif share < _QUICK:
            self._at = min(self._at + 1, self._highest)
        return self._at != before


class Live:
    """The way of a camera's frame: follow the subject, put something else behind it.

    Args:
        isolator: see ``Follower``.
        eyes: size to eye, one for each of the sizes of ``pace``.
        rate: frames per second to hold.
        mirror: show left and right exchanged.
    """

    def __init__(
        self, isolator: Isolator, eyes: dict[int, Eye], rate: float, *, mirror: bool = False
    ) -> None:
        self._eyes, self.mirror = eyes, mirror
        self.pace = Pace(rate, tuple(sorted(eyes)))
        self.figures = Figures(eye_size=self.pace.size)
        self._isolator = isolator
        isolator.eye = eyes[self.pace.size]
        self._options = FollowOptions(detect_every=15, side=320)
        self._follower = Follower(isolator, None, self._options)
        self._earlier: deque[ByteArray] = deque(maxlen=4)

    def choose_again(self) -> None:
        """Forget the subject; the next frame chooses."""
        self._follower = Follower(self._isolator, None, self._options)

    def cut(self, image: ByteArray, background: Background) -> tuple[ByteArray, Followed]:
        """One frame, uint8 (H, W, 3) RGB, with the background behind its subject."""
        if self.mirror:
            image = np.ascontiguousarray(image[:, ::-1])
        earlier = self._earlier[0] if self._earlier else None
        self._earlier.append(image)
        followed = self._follower.follow(image, earlier)
        return quickly(image, followed.mask, background), followed

    def shown(self, taken: float, began: float, at: float) -> None:
        """A frame was shown; the eye may look at another size from now on."""
        self.figures.add(taken, began, at)
        if self.pace.took(at - began):
            self._isolator.eye = self._eyes[self.pace.size]
            self._follower.eye = self._eyes[self.pace.size]
            self.figures.eye_size = self.pace.size


def wait_until(moment: float, clock: Callable[[], float] = perf_counter) -> None:
    """Sleep until then, on ``perf_counter``'s clock."""
    left = moment - clock()
    if left > 0:
        sleep(left)
