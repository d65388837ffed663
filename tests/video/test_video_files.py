"""Videos in, videos out: times, sound, rotation, transparency, and files that break off."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra 'video'")

import av
from clips_made_here import SIZE, even_times, picture, times_of, write_clip
from PIL import Image

from vx_detectron.errors import VideoError
from vx_detectron.video.reading import VideoReader, upright
from vx_detectron.video.sound import Sound
from vx_detectron.video.writing import PngFolder, VideoFile

UNEVEN = [Fraction(n, 1000) for n in (0, 40, 80, 200, 240, 400, 410, 700)]


def copy(source: Path, target: Path, *, alpha: bool = False, sound: bool = False) -> None:
    with VideoReader(source) as reader:
        track = Sound(source) if sound else None
        out = VideoFile(
            target,
            target.suffix[1:],
            reader.info,
            alpha=alpha,
            sound=track,  # type: ignore[arg-type]
        )
        for frame in reader.frames():
            pixels = frame.pixels
            if alpha:
                opacity = np.zeros(pixels.shape[:2], np.uint8)
                opacity[:, : pixels.shape[1] // 2] = 255
                pixels = np.dstack([pixels, opacity])
            out.write(pixels, frame.time)
        out.close()


def test_frames_come_with_their_colours_and_times(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(5))
    with VideoReader(clip) as reader:
        frames = list(reader.frames())
        assert (reader.info.height, reader.info.width) == SIZE
    assert [float(one.time) for one in frames] == [0.0, 0.04, 0.08, 0.12, 0.16]
    for number, one in enumerate(frames):
        difference = np.abs(one.pixels.astype(int) - picture(number))
        assert difference.mean() < 3


def test_a_part_is_read(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(50))
    with VideoReader(clip) as reader:
        times = [float(one.time) for one in reader.frames(0.4, 0.6)]
    assert times == [0.4, 0.44, 0.48, 0.52, 0.56]


@pytest.mark.parametrize("suffix", ["mp4", "webm", "mov"])
def test_uneven_times_are_kept(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", UNEVEN)
    copy(clip, tmp_path / f"copy.{suffix}")
    assert times_of(tmp_path / f"copy.{suffix}") == [float(time) for time in UNEVEN]


@pytest.mark.parametrize("suffix", ["mp4", "webm", "mov"])
def test_sound_starts_and_ends_with_the_pictures(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(50), sound=True)
    copy(clip, tmp_path / f"copy.{suffix}", sound=True)
    with av.open(str(tmp_path / f"copy.{suffix}")) as container:
        heard = [frame for frame in container.decode(audio=0)]
    start = float(heard[0].pts * heard[0].time_base)
    end = float(heard[-1].pts * heard[-1].time_base) + heard[-1].samples / heard[-1].sample_rate
    assert abs(start) < 0.04
    assert abs(end - 2.0) < 0.06
    wave = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in heard])
    assert np.abs(wave[4800:-4800]).max() > 0.1


def test_sound_ends_where_the_pictures_are_broken_off(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(50), sound=True)
    with VideoReader(clip) as reader:
        out = VideoFile(tmp_path / "out.mp4", "mp4", reader.info, sound=Sound(clip))
        for frame in reader.frames(0, 0.4):
            out.write(frame.pixels, frame.time)
        out.close(early=True)
    with av.open(str(tmp_path / "out.mp4")) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0)) / 48_000
    assert heard < 1.0  # it is copied half a second ahead of the pictures


@pytest.mark.parametrize("suffix", ["webm", "mov"])
def test_transparency_is_kept(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(3))
    copy(clip, tmp_path / f"copy.{suffix}", alpha=True)
    with av.open(str(tmp_path / f"copy.{suffix}")) as container:
        stream = container.streams.video[0]
        # FFmpeg's own VP9 decoder drops the second layer, libvpx keeps it.
        decoder = av.CodecContext.create("libvpx-vp9", "r") if suffix == "webm" else None
        if decoder is None:
            frame = next(container.decode(stream))
        else:
            packet = next(one for one in container.demux(stream) if one.size)
            frame = (decoder.decode(packet) or decoder.decode(None))[0]
    alpha = frame.reformat(format="rgba").to_ndarray()[..., 3]
    assert alpha[:, : SIZE[1] // 2 - 4].min() > 245
    assert alpha[:, SIZE[1] // 2 + 4 :].max() < 10


def test_mp4_cannot_be_transparent(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(2))
    with VideoReader(clip) as reader, pytest.raises(VideoError, match="webm, mov or png"):
        VideoFile(tmp_path / "out.mp4", "mp4", reader.info, alpha=True)


def test_odd_sides_get_one_more(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(2))
    with VideoReader(clip) as reader:
        out = VideoFile(tmp_path / "out.mp4", "mp4", reader.info)
        for number in range(2):
            out.write(picture(number)[:41, :33], Fraction(number, 25))
        out.close()
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert (reader.info.height, reader.info.width) == (42, 34)


def test_turned_pixels() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    # A camera held so that "up" points left in the file: a quarter turn counter-clockwise.
    assert upright(pixels, 90).tolist() == [[2, 5], [1, 4], [0, 3]]
    assert upright(pixels, 0).tolist() == pixels.tolist()
    with pytest.raises(VideoError, match="45 degrees"):
        upright(pixels, 45)


def test_a_file_that_was_being_written_can_be_played(tmp_path: Path) -> None:
    """The process is killed after 200 frames, without a chance to finish the file."""
    clip = write_clip(tmp_path / "clip.mp4", even_times(2))
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from fractions import Fraction
from pathlib import Path
from clips_made_here import picture
from vx_detectron.video.reading import VideoReader
from vx_detectron.video.writing import VideoFile
with VideoReader({str(clip)!r}) as reader:
    out = VideoFile(Path({str(tmp_path / "out.mp4")!r}), "mp4", reader.info)
    for number in range(200):
        out.write(picture(number), Fraction(number, 25))
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    assert not (tmp_path / "out.mp4").exists()
    times = times_of(tmp_path / "out.part.mp4")
    assert len(times) >= 50
    assert times[:3] == [0.0, 0.04, 0.08]


def test_a_file_without_frames_is_not_left_behind(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(2))
    with VideoReader(clip) as reader:
        out = VideoFile(tmp_path / "out.mp4", "mp4", reader.info)
        with pytest.raises(VideoError, match="no frames to write"):
            out.close()
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4"]


def test_pngs_are_numbered(tmp_path: Path) -> None:
    out = PngFolder(tmp_path / "frames", first=7)
    out.write(picture(0), Fraction(0))
    assert np.array_equal(np.asarray(Image.open(out.close() / "000007.png")), picture(0))


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), (b"no video at all", "not a video"), (b"", "not a video")],
)
def test_what_is_no_video(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=words):
        VideoReader(path)


def test_a_photo_of_too_many_pixels(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(2))
    with pytest.raises(VideoError, match="at most 100 are allowed"):
        VideoReader(clip, max_pixels=100)


def test_damage_in_the_middle_is_named_and_bridged(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(60))
    data = bytearray(clip.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 200] = b"\xff" * 200
    clip.write_bytes(bytes(data))
    with VideoReader(clip) as reader:
        frames = list(reader.frames())
        assert reader.problems
    assert len(frames) > 40
    times = [frame.time for frame in frames]
    assert times == sorted(times)


def test_a_playlist_fetches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(VideoError):
        VideoReader(path)
