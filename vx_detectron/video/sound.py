"""Copies the sound of one file into another, or re-encodes it if the format requires that."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

from vx_detectron.errors import VideoError
from vx_detectron.video.extra import pyav
from vx_detectron.video.reading import open_input, origin_of

# What each container holds as it is; anything else is encoded again.
_HOLDS = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "opus", "alac"},
    "mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be"},
    "webm": {"opus", "vorbis"},
}
_ENCODER = {"mp4": ("aac", 48_000), "mov": ("aac", 48_000), "webm": ("libopus", 48_000)}


class Sound:
    """The first sound track of a file.

    Args:
        path: the file.
        start, end: in seconds, the part that is wanted; it begins at 0 in the output.
        shift: in seconds, added to its times.
    """

    def __init__(
        self, path: str | os.PathLike[str], start: float = 0.0, end: float = math.inf
    ) -> None:
        self._av = pyav()
        self._input = open_input(self._av, Path(path))
        if not self._input.streams.audio:
            self._input.close()
            raise VideoError(f"{path} has no sound")
        self._source = self._input.streams.audio[0]
        self._start = Fraction(start).limit_denominator(10**6)
        self._end = end
        self._origin = origin_of(self._input)
        self.encoded = False
        self.problems: list[str] = []

    def attach(self, output: Any, format: str) -> None:
        """Add a track to an output that is still empty."""
        self._output = output
        name = self._source.codec_context.name
        self.encoded = name not in _HOLDS[format]
        if self.encoded:
            encoder, rate = _ENCODER[format]
            self._target = output.add_stream(encoder, rate=rate)
            layout = "mono" if self._source.codec_context.channels == 1 else "stereo"
            self._target.codec_context.layout = layout
            self._resampler = self._av.AudioResampler(
                format=self._target.codec_context.format, layout=layout, rate=rate
            )
        else:
            self._target = output.add_stream_from_template(self._source)
        if self._start > 0:
            # A little early: the packet before may reach into the part.
            early = int((self._start + self._origin) * self._av.time_base)
            self._input.seek(max(early, 0), backward=True, any_frame=False)
        self._packets = self._demuxed()
        self._waiting: Any = next(self._packets, None)

    def copy_until(self, time: float) -> None:
        """Bring the track up to that time of the output."""
        while self._waiting is not None and self._place(self._waiting) < time:
            packet, self._waiting = self._waiting, next(self._packets, None)
            if packet.pts is None:
                continue
            place = self._place(packet)
            if place < 0 and self._start > 0:
                continue
            if place + float(self._start) >= self._end:
                self._waiting = None
                return
            self._put(packet)

    def finish(self, time: float = math.inf) -> None:
        """Bring the track to its end, or to that time, and let go of the file."""
        self.copy_until(time)
        if self.encoded:
            self._mux(self._target.encode(None))
        self._input.close()

    def _place(self, packet: Any) -> float:
        """Its time in the output, in seconds."""
        if packet.pts is None:
            return -math.inf
        return float(packet.pts * packet.time_base - self._origin - self._start)

    def _put(self, packet: Any) -> None:
        if self.encoded:
            for frame in self._decoded(packet):
                self._mux(
                    one
                    for part in self._resampler.resample(frame)
                    for one in self._target.encode(part)
                )
            return
        offset = round((self._origin + self._start) / packet.time_base)
        packet.pts -= offset
        if packet.dts is not None:
            packet.dts -= offset
        packet.stream = self._target
        self._mux([packet])

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            frames = list(packet.decode())
        except self._av.error.FFmpegError as error:
            self.problems.append(f"a piece of the sound cannot be decoded: {error}")
            return []
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round((self._origin + self._start) / frame.time_base)
        return frames

    def _mux(self, packets: Any) -> None:
        for one in packets:
            self._output.mux(one)

    def _demuxed(self) -> Any:
        try:
            for packet in self._input.demux(self._source):
                if packet.size:
                    yield packet
        except self._av.error.FFmpegError as error:
            self.problems.append(f"the sound ends early: {error}")
