"""Where live pictures go: a window, a virtual camera, a file, or nowhere."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from vx_detectron.errors import VideoError
from vx_detectron.structures import ByteArray
from vx_detectron.video.extra import pyvirtualcam
from vx_detectron.video.reading import Colours, VideoInfo
from vx_detectron.video.writing import Format, VideoFile

_TITLE = "vx live"


class Screen(Protocol):
    """Shows pictures."""

    def show(self, picture: ByteArray, taken: float) -> str:
        """Show one, uint8 (H, W, 3) RGB, taken at that time; the key that was pressed, or ''."""
        ...

    def close(self) -> None:
        """Take it away, or finish the file."""
        ...


class Nowhere:
    """Shows nothing, for measuring."""

    def show(self, picture: ByteArray, taken: float) -> str:
        """See ``Screen``."""
        return ""

    def close(self) -> None:
        """See ``Screen``."""


class Window:
    """A window of OpenCV; Escape or closing it ends.

    Raises:
        VideoError: this OpenCV has no windows, or there is no screen.
    """

    def __init__(self) -> None:
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise VideoError("there is no display for a window; use -o FILE or --virtual-camera")
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise VideoError(
                "this OpenCV cannot show windows; replace opencv-python-headless by opencv-python "
                "(pip uninstall the first), or use -o FILE, --virtual-camera or the page's Live tab"
            ) from error

    def show(self, picture: ByteArray, taken: float) -> str:
        """See ``Screen``."""
        cv2.imshow(_TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        if key == 27 or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return "q"
        return "" if key == 0xFF else chr(key)

    def close(self) -> None:
        """See ``Screen``."""
        cv2.destroyWindow(_TITLE)


class VirtualCamera:
    """A camera that other programs can choose.

    Raises:
        VideoError: pyvirtualcam, or the driver that it needs, is missing.
    """

    def __init__(self, size: tuple[int, int], rate: float) -> None:
        module = pyvirtualcam()
        try:
            self._camera: Any = module.Camera(width=size[1], height=size[0], fps=round(rate))
        except RuntimeError as error:
            raise VideoError(
                f"no virtual camera can be opened ({error}); it needs v4l2loopback on Linux, and "
                "OBS on Windows and macOS"
            ) from error
        self.name = str(self._camera.device)

    def show(self, picture: ByteArray, taken: float) -> str:
        """See ``Screen``."""
        self._camera.send(np.ascontiguousarray(picture))
        return ""

    def close(self) -> None:
        """See ``Screen``."""
        self._camera.close()


class Recording:
    """A file, in which each picture has the time at which it was taken."""

    def __init__(self, path: Path, format: Format, size: tuple[int, int], rate: float) -> None:
        info = VideoInfo(
            width=size[1],
            height=size[0],
            rate=Fraction(rate).limit_denominator(1000),
            duration=0.0,
            frames=0,
            time_base=Fraction(1, 90_000),
            rotation=0,
            aspect=Fraction(1),
            colours=Colours(),
            sound=False,
            codec="",
        )
        self._file = VideoFile(path, format, info, fast=True)
        self._began: float | None = None

    def show(self, picture: ByteArray, taken: float) -> str:
        """See ``Screen``."""
        self._began = taken if self._began is None else self._began
        self._file.write(picture, Fraction(taken - self._began).limit_denominator(90_000))
        return ""

    def close(self) -> None:
        """See ``Screen``."""
        self._file.close()
