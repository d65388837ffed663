"""Cameras: a real one, or a file that is played in real time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from vx_detectron.errors import VideoError
from vx_detectron.structures import ByteArray
from vx_detectron.video.live import Camera, wait_until
from vx_detectron.video.reading import Frame, VideoReader

_MISSES = 30  # frames in a row that a camera may fail to give


class RealCamera:
    """A camera of this machine.

    Args:
        number: 0 for the first.
        width, height: to ask for; the camera may give something else.
        rate: frames per second to ask for.

    Raises:
        VideoError: there is no such camera, or it returns no picture.
    """

    def __init__(self, number: int, width: int, height: int, rate: float) -> None:
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise VideoError(_no_camera(number))
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, rate),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            self._capture.set(key, value)
        first = self.read()
        if first is None:
            raise VideoError(f"camera {number} returns no picture; is another program using it?")
        self.size = first[0].shape[:2]
        self.rate = float(self._capture.get(cv2.CAP_PROP_FPS)) or rate

    def read(self) -> tuple[ByteArray, float] | None:
        """See ``Camera``."""
        for _ in range(_MISSES):
            there, picture = self._capture.read()
            if there:
                rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
                return np.asarray(rgb, dtype=np.uint8), perf_counter()
        return None

    def close(self) -> None:
        """See ``Camera``."""
        self._capture.release()


class FileCamera:
    """A file played in real time, as if it were a camera.

    Args:
        path: a video.
        loop: start again at its end.

    Raises:
        VideoError: it cannot be read.
    """

    def __init__(self, path: Path, loop: bool = False) -> None:
        self._path, self._loop = path, loop
        self._reader = VideoReader(path)
        info = self._reader.info
        self.size, self.rate = (info.height, info.width), float(info.rate)
        self._frames: Iterator[Frame] = self._reader.frames()
        self._began: float | None = None

    def read(self) -> tuple[ByteArray, float] | None:
        """See ``Camera``."""
        frame = next(self._frames, None)
        if frame is None and self._loop:
            self._reader.close()
            self._reader = VideoReader(self._path)
            self._frames, self._began = self._reader.frames(), None
            frame = next(self._frames, None)
        if frame is None:
            return None
        if self._began is None:
            self._began = perf_counter() - float(frame.time)
        wait_until(self._began + float(frame.time))
        return frame.pixels, perf_counter()

    def close(self) -> None:
        """See ``Camera``."""
        self._reader.close()


def open_camera(name: str, width: int, height: int, rate: float, *, loop: bool = False) -> Camera:
    """The camera of a name: a number, or a file to play.

    Raises:
        VideoError: there is none.
    """
    if name.isascii() and name.isdigit():
        return RealCamera(int(name), width, height, rate)
    return FileCamera(Path(name).expanduser(), loop)


def _no_camera(number: int) -> str:
    text = f"there is no camera {number}"
    if sys.platform.startswith("linux"):
        found = sorted(str(path) for path in Path("/dev").glob("video*"))
        text += f" ({', '.join(found)} exist)" if found else " (no /dev/video* exists)"
    return f"{text}; plug one in, choose another number, or play a file: --camera FILE"
