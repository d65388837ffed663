"""Small clips with a known truth, made by PyAV alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIZE = (96, 128)


def picture(number: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A red square that moves right over a grey ramp; brighter by one step every frame."""
    height, width = size
    ramp = np.linspace(60, 120, width, dtype=np.uint8)
    frame = np.repeat(np.repeat(ramp[None, :, None], height, axis=0), 3, axis=2)
    left = 8 + 4 * number % (width - 40)
    frame[32:64, left : left + 32] = (220, 20, 20)
    return np.ascontiguousarray(frame)


def write_clip(
    path: Path,
    times: list[Fraction],
    *,
    sound: bool = False,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
) -> Path:
    """A clip with a frame at each of these times, and a tone that lasts as long."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = size[1], size[0], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        tone = out.add_stream("aac", rate=48_000) if sound else None
        if tone is not None:
            tone.codec_context.layout = "mono"
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame.time_base, frame.pts = Fraction(1, 1000), round(time * 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tone is not None:
            for block in range(round(float(times[-1] + Fraction(1, 25)) * 48_000) // 1024):
                at = (np.arange(1024) + block * 1024) / 48_000
                wave = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)[None]
                samples = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
                samples.sample_rate, samples.pts = 48_000, block * 1024
                out.mux(tone.encode(samples))
            out.mux(tone.encode(None))
    return path


def even_times(count: int, rate: int = 25) -> list[Fraction]:
    return [Fraction(number, rate) for number in range(count)]


def times_of(path: Path) -> list[float]:
    """When each frame of a file is shown, by PyAV."""
    with av.open(str(path)) as container:
        return [round(float(frame.time or 0), 3) for frame in container.decode(video=0)]
