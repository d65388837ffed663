"""What is behind the subject in each frame: a background as for photos, or another video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from vx_detectron.deliver import (
    Background,
    Picture,
    PictureFile,
    parse_background,
    read_background,
)
from vx_detectron.deliver.checks import Fit
from vx_detectron.deliver.paint import paint
from vx_detectron.errors import ConfigError
from vx_detectron.structures import ByteArray
from vx_detectron.video.cutting import whole
from vx_detectron.video.reading import Frame, VideoReader

_VIDEO = "video:"


@dataclass(frozen=True)
class VideoBehind:
    """Another video, which is looped."""

    path: str
    fit: Fit = "cover"


Behind: TypeAlias = Background | PictureFile | VideoBehind


def parse_behind(text: str) -> Behind:
    """Parse a background as written on the command line: as for photos, or ``video:PATH``.

    Raises:
        ConfigError: anything else.
    """
    if not text.strip().lower().startswith(_VIDEO):
        return parse_background(text)
    path = text.strip()[len(_VIDEO) :].strip()
    if not path:
        raise ConfigError(f"background {text!r} does not name a file: write video:PATH")
    return VideoBehind(path)


class Backdrop:
    """The background of every frame, fitted to it once.

    Args:
        behind: what it is.
        size: height and width of the frames.

    Raises:
        VideoError, ImageError: its file cannot be read.
    """

    def __init__(self, behind: Behind, size: tuple[int, int]) -> None:
        self._size = size
        self._video = _Looped(behind, size) if isinstance(behind, VideoBehind) else None
        self._still = None if isinstance(behind, VideoBehind) else _fitted(behind, size)

    def at(self, time: Fraction) -> Background:
        """The background at that time."""
        if self._video:
            return self._video.at(time)
        assert self._still is not None
        return self._still

    def close(self) -> None:
        """Close its file."""
        if self._video:
            self._video.close()


class _Looped:
    """A video's frames at rising times, from the start again when it is over."""

    def __init__(self, behind: VideoBehind, size: tuple[int, int]) -> None:
        self._behind, self._size = behind, size
        self._offset = self._end = Fraction(0)
        self._next: Frame | None = None
        self._open()

    def at(self, time: Fraction) -> Picture:
        while self._next is not None and self._next.time + self._offset <= time:
            self._now, self._next = self._next, next(self._frames, None)
            self._end = self._offset + self._now.time + 1 / self._reader.info.rate
            if self._next is None:
                last, self._offset = self._now, self._end
                self._reader.close()
                self._open()
                self._now = last
        picture = Picture(self._now.pixels, self._behind.fit)
        return Picture(_painted(picture, self._size))

    def close(self) -> None:
        self._reader.close()

    def _open(self) -> None:
        self._reader = VideoReader(self._behind.path)
        self._frames: Iterator[Frame] = self._reader.frames()
        self._now = next(self._frames)
        self._next = self._now


def _fitted(behind: Background | PictureFile, size: tuple[int, int]) -> Background:
    background = read_background(behind)
    if not isinstance(background, Picture):
        return background
    return Picture(np.ascontiguousarray(_painted(background, size)))


def _painted(picture: Picture, size: tuple[int, int]) -> ByteArray:
    nothing = np.zeros(size, dtype=np.float32)
    return paint(picture, np.zeros((*size, 3), dtype=np.uint8), nothing, whole(*size))
