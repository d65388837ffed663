"""A video's frames: upright RGB pictures, each with its time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from vx_detectron.errors import VideoError
from vx_detectron.image_io import MAX_PIXELS
from vx_detectron.structures import ByteArray
from vx_detectron.video.extra import pyav

_LOCAL = "file,pipe"  # a playlist must not make us fetch what it names
_HD = 720  # rows from which a video that does not name its colours has BT.709
_BT709, _BT601, _UNKNOWN = 1, 6, 2  # as ISO/IEC 23091-2 numbers matrices


@dataclass(frozen=True)
class Colours:
    """How the file says its colours are meant, in the numbers of ISO/IEC 23091-2.

    Attributes:
        matrix, primaries, transfer: 2 is "not said".
    """

    matrix: int = _BT709
    primaries: int = _UNKNOWN
    transfer: int = _UNKNOWN


@dataclass(frozen=True)
class VideoInfo:
    """What a video is.

    Attributes:
        width, height: of the upright frames, in pixels.
        rate: frames per second, on average.
        duration: in seconds; 0 where the file does not say.
        frames: how many, estimated where the file does not say; 0 where nothing is known.
        time_base: the unit of the file's times, in seconds.
        rotation: degrees by which the frames were turned to stand upright.
        aspect: width / height of a pixel.
        colours: as the file names them.
        sound: whether there is any.
        codec: of the pictures, such as ``h264``.
    """

    width: int
    height: int
    rate: Fraction
    duration: float
    frames: int
    time_base: Fraction
    rotation: int
    aspect: Fraction
    colours: Colours
    sound: bool
    codec: str


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        index: counted from 0 at the beginning of what is read.
        time: in seconds since the beginning of the file.
        pixels: uint8 (H, W, 3), RGB, upright.
        problem: what is wrong with it, as text; empty for nothing.
    """

    index: int
    time: Fraction
    pixels: ByteArray
    problem: str = ""


class VideoReader:
    """Reads one file that FFmpeg can read, frame by frame.

    Args:
        path: the file. Nothing that it refers to elsewhere is fetched.
        max_pixels: of a frame.

    Attributes:
        info: see ``VideoInfo``.
        problems: what could not be decoded so far, one line each.

    Raises:
        VideoError: the file cannot be read, holds no pictures, or larger ones; PyAV is absent.
    """

    def __init__(self, path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> None:
        self.path = Path(path)
        self.problems: list[str] = []
        self._max_pixels = max_pixels
        self._av = pyav()
        self._container = open_input(self._av, self.path)
        if not self._container.streams.video:
            self._container.close()
            raise VideoError(f"{self.path} contains no pictures, expected a video")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self.origin = origin_of(self._container)
        try:
            self.info = self._look()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def frames(self, start: float = 0.0, end: float = math.inf) -> Iterator[Frame]:
        """The frames shown from ``start`` up to, without, ``end``, in seconds.

        A packet that cannot be decoded is named in ``problems``; the frame before it stays on.
        """
        if start > 0:
            self._seek(start)
        first = Fraction(start).limit_denominator(10**6)
        last = None if end == math.inf else Fraction(end).limit_denominator(10**6)
        index, before, turned = 0, Fraction(-1), self.info.rotation
        for frame in self._decoded():
            time = self._time(frame, before)
            before = time
            if time < first:
                continue
            if last is not None and time >= last:
                return
            problem = ""
            if frame.is_corrupt:
                problem = f"the frame at {float(time):.3f} s is damaged"
                self.problems.append(problem)
            pixels = upright(self._rgb(frame), turned)
            self._expect_size(pixels)
            yield Frame(index, time, pixels, problem)
            index += 1

    def _decoded(self) -> Iterator[Any]:
        errors = self._av.error
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except errors.FFmpegError as error:
                self.problems.append(f"the file ends early: {_words(error)}")
                return
            try:
                yield from packet.decode()
            except errors.EOFError:
                return
            except errors.FFmpegError as error:
                time = None if packet.pts is None else float(packet.pts * self._stream.time_base)
                place = "somewhere" if time is None else f"at {time - float(self.origin):.3f} s"
                self.problems.append(
                    f"a frame {place} cannot be decoded ({_words(error)}); "
                    "the previous frame stays on"
                )

    def _look(self) -> VideoInfo:
        first = next(self._decoded(), None)
        if first is None:
            raise VideoError(f"{self.path}: no frame of it can be decoded")
        self._container.seek(0, backward=True, any_frame=False)
        stream, container = self._stream, self._container
        if first.width * first.height > self._max_pixels:
            raise VideoError(
                f"{self.path} has frames of {first.width} x {first.height} pixels, at most "
                f"{self._max_pixels} are allowed (VX.INPUT.MAX_PIXELS)"
            )
        rotation = round(first.rotation) % 360
        turned = rotation % 180 == 90
        height, width = (first.width, first.height) if turned else (first.height, first.width)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        duration = float((container.duration or 0) / self._av.time_base)
        aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
        matrix = int(first.colorspace)
        if matrix not in (1, 4, 5, 6, 7, 9):
            matrix = _BT709 if min(height, width) >= _HD else _BT601
        context = stream.codec_context
        colours = Colours(matrix, int(context.color_primaries), int(context.color_trc))
        return VideoInfo(
            width=width,
            height=height,
            rate=Fraction(rate),
            duration=duration,
            frames=stream.frames or round(duration * float(rate)),
            time_base=Fraction(stream.time_base),
            rotation=rotation,
            aspect=1 / aspect if turned else aspect,
            colours=colours,
            sound=bool(container.streams.audio),
            codec=str(context.name),
        )

    def _seek(self, start: float) -> None:
        target = int((Fraction(start).limit_denominator(10**6) + self.origin) * self._av.time_base)
        try:
            self._container.seek(max(target, 0), backward=True, any_frame=False)
        except self._av.error.FFmpegError as error:
            raise VideoError(
                f"{self.path} cannot be read from {start:g} s on: {_words(error)}"
            ) from error

    def _time(self, frame: Any, before: Fraction) -> Fraction:
        """When it is shown; never earlier than the frame before."""
        if frame.pts is None:
            return before + 1 / self.info.rate if before >= 0 else Fraction(0)
        return max(Fraction(frame.pts * frame.time_base) - self.origin, before, Fraction(0))

    def _rgb(self, frame: Any) -> ByteArray:
        matrix = self.info.colours.matrix
        source = frame.reformat(
            format="rgb24", src_colorspace=_sws(matrix), dst_colorspace=_sws(matrix)
        )
        return np.asarray(source.to_ndarray(), dtype=np.uint8)

    def _expect_size(self, pixels: ByteArray) -> None:
        expected = (self.info.height, self.info.width)
        if pixels.shape[:2] != expected:
            raise VideoError(
                f"{self.path}: its frames change from {expected[1]} x {expected[0]} to "
                f"{pixels.shape[1]} x {pixels.shape[0]} pixels; split the file there first"
            )


def open_input(av: Any, path: Path) -> Any:
    """The container of a local file.

    Raises:
        VideoError: it is none.
    """
    if not path.is_file():
        raise VideoError(f"{path}: no such file")
    try:
        return av.open(str(path), options={"protocol_whitelist": _LOCAL}, metadata_errors="ignore")
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{path} is not a video that FFmpeg can read: {_words(error)}") from error


def origin_of(container: Any) -> Fraction:
    """The file's own time of its beginning, in seconds."""
    return Fraction(container.start_time or 0, 1_000_000)


def upright(pixels: ByteArray, rotation: int) -> ByteArray:
    """Turned counter-clockwise by a multiple of 90 degrees."""
    if rotation % 90:
        raise VideoError(f"the video is turned by {rotation} degrees, expected 0, 90, 180 or 270")
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90))


def _sws(matrix: int) -> int:
    """FFmpeg's scaler has numbers of its own, which agree but for these."""
    return {6: 5, 2: 5}.get(matrix, matrix)


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
