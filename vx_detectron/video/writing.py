"""Pictures become a video file, or a folder of PNGs, frame by frame with their times."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from vx_detectron.errors import VideoError
from vx_detectron.files import replacing
from vx_detectron.image_io import write_picture
from vx_detectron.structures import ByteArray
from vx_detectron.video.extra import pyav
from vx_detectron.video.reading import VideoInfo
from vx_detectron.video.sound import Sound

Format = Literal["mp4", "webm", "mov", "png"]
FORMATS: tuple[Format, ...] = ("mp4", "webm", "mov", "png")
PART = ".part"
"""Stands before the suffix of a file that is still being written."""

_GOP = 2  # seconds between two frames that need no other
_LIMITED = 1  # 16..235, what players expect


@dataclass(frozen=True)
class _Codec:
    """One way to encode: FFmpeg's names, and options."""

    name: str
    pixels: str
    options: Mapping[str, str]


_PRORES = {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"}
_VP9 = {"b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
_CODECS: Mapping[tuple[str, bool], _Codec] = {
    ("mp4", False): _Codec("libx264", "yuv420p", {"preset": "fast"}),
    ("webm", False): _Codec("libvpx-vp9", "yuv420p", _VP9),
    ("webm", True): _Codec("libvpx-vp9", "yuva420p", {**_VP9, "auto-alt-ref": "0"}),
    ("mov", False): _Codec("prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"}),
    ("mov", True): _Codec("prores_ks", "yuva444p10le", _PRORES),
}
_QUALITY = {"mp4": 18, "webm": 24}
# The movie header is written at the end; until then every fragment can be played by itself.
_FRAGMENTS = "+hybrid_fragmented+frag_keyframe+negative_cts_offsets"
_MOVIE = {"movflags": _FRAGMENTS, "flush_packets": "1"}
_MATROSKA = {"flush_packets": "1", "cluster_time_limit": "1000"}
_CONTAINER = {"mp4": _MOVIE, "mov": _MOVIE, "webm": _MATROSKA}


class Sink(Protocol):
    """Where finished pictures go."""

    def write(self, picture: ByteArray, time: Fraction) -> None:
        """Take a picture, uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, and its time."""
        ...

    def close(self, early: bool = False) -> Path:
        """Finish, and say where it is; ``early``: before all of it was written."""
        ...


class VideoFile:
    """Writes one file. Until ``close`` it is called NAME.part.SUFFIX, and can be played so.

    Args:
        path: the file, whose folder exists.
        format: ``mp4`` (H.264), ``webm`` (VP9) or ``mov`` (ProRes).
        info: of the video that the times and the colours come from.
        alpha: whether the pictures are RGBA; not for mp4.
        quality: the encoder's constant rate factor, 0 best .. 51; not for mov.
        fast: encode as quickly as possible, for live pictures.
        sound: what is heard with it.

    Raises:
        VideoError: it cannot be created.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format,
        info: VideoInfo,
        *,
        alpha: bool = False,
        quality: int | None = None,
        fast: bool = False,
        sound: Sound | None = None,
    ) -> None:
        if (format, alpha) not in _CODECS:
            raise VideoError(f"{format} cannot keep transparency; choose webm, mov or png")
        self.path = Path(path)
        self.part = self.path.with_name(f"{self.path.stem}{PART}{self.path.suffix}")
        self.format, self.alpha, self.info = format, alpha, info
        self._quality, self._fast = quality, fast
        self._av = pyav()
        self.sound = sound
        self._stream: Any = None
        self._last = -1
        try:
            self._container = self._av.open(
                str(self.part), "w", format=format, container_options=_CONTAINER[format]
            )
        except (self._av.error.FFmpegError, OSError) as error:
            raise VideoError(f"{self.path} cannot be written: {error}") from error

    def write(self, picture: ByteArray, time: Fraction) -> None:
        """See ``Sink``. Times must rise; sides that are odd get one more row or column."""
        picture = _even(picture)
        if self._stream is None:
            self._start(picture.shape[1], picture.shape[0])
        kind = "gray" if picture.ndim == 2 else "rgba" if picture.shape[2] == 4 else "rgb24"
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=kind)
        matrix = self._matrix()
        frame = frame.reformat(
            format=self._codec.pixels,
            dst_colorspace=5 if matrix in (5, 6) else matrix,
            dst_color_range=_LIMITED,
        )
        frame.time_base = self._stream.codec_context.time_base
        frame.pts = max(round(time / frame.time_base), self._last + 1)
        self._last = frame.pts
        self._encode(frame)
        if self.sound:
            self.sound.copy_until(float(time) + 0.5)

    def close(self, early: bool = False) -> Path:
        """Finish the file and give it its name; one without a single frame is removed.

        Args:
            early: the sound ends with the last picture too.
        """
        if self._stream is None:
            self._container.close()
            self.part.unlink(missing_ok=True)
            raise VideoError(f"{self.path}: there were no frames to write")
        self._encode(None)
        if self.sound:
            last = self._last * self._stream.codec_context.time_base + 1 / self.info.rate
            self.sound.finish(float(last) if early else math.inf)
        self._container.close()
        os.replace(self.part, self.path)
        return self.path

    def _start(self, width: int, height: int) -> None:
        self._codec = codec = _CODECS[self.format, self.alpha]
        options = dict(codec.options)
        if self.format in _QUALITY:
            options["crf"] = str(_QUALITY[self.format] if self._quality is None else self._quality)
        if self._fast and self.format == "mp4":
            options |= {"preset": "ultrafast", "tune": "zerolatency"}
        if self._fast and self.format == "webm":
            options |= {"deadline": "realtime", "cpu-used": "8"}
        rate = self.info.rate.limit_denominator(60_000)
        stream = self._container.add_stream(codec.name, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, codec.pixels
        context = stream.codec_context
        context.time_base = self._time_base()
        context.gop_size = max(round(_GOP * float(rate)), 1)
        context.thread_type = "AUTO"
        colours = self.info.colours
        context.colorspace, context.color_range = self._matrix(), _LIMITED
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        if self.info.aspect != 1:
            context.sample_aspect_ratio = self.info.aspect
        if self.alpha and self.format == "webm":
            stream.metadata["alpha_mode"] = "1"
        self._stream = stream
        if self.sound:
            self.sound.attach(self._container, self.format)

    def _matrix(self) -> int:
        return self.info.colours.matrix

    def _time_base(self) -> Fraction:
        base = self.info.time_base
        # Coarser than a millisecond, frames could not keep their times.
        return base if Fraction(1, 100_000) <= base <= Fraction(1, 1000) else Fraction(1, 90_000)

    def _encode(self, frame: Any) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except self._av.error.FFmpegError as error:
            raise VideoError(f"{self.path} cannot be written: {error}") from error


class PngFolder:
    """Writes numbered PNGs, each completely or not at all.

    Args:
        folder: made if needed.
        first: number of the first picture.
    """

    def __init__(self, folder: str | os.PathLike[str], first: int = 0) -> None:
        self.folder, self._next = Path(folder), first
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VideoError(
                f"{self.folder} cannot be created: {error.strerror or error}"
            ) from error

    def write(self, picture: ByteArray, time: Fraction) -> None:
        """See ``Sink``."""
        with replacing(self.folder / name_of(self._next)) as path:
            write_picture(path, picture, format="png")
        self._next += 1

    def close(self, early: bool = False) -> Path:
        """See ``Sink``."""
        return self.folder


def name_of(number: int) -> str:
    """The file of one picture of a sequence."""
    return f"{number:06d}.png"


def _even(picture: ByteArray) -> ByteArray:
    """With even sides, which the codecs want: the last row and column are repeated."""
    odd = picture.shape[0] % 2, picture.shape[1] % 2
    if not any(odd):
        return picture
    space = [(0, odd[0]), (0, odd[1]), *[(0, 0)] * (picture.ndim - 2)]
    return np.pad(picture, space, mode="edge")
