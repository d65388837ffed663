"""``vx video`` and ``vx live`` as programs, on short clips of a real photo."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra 'video'")

import av
from click.testing import CliRunner, Result
from PIL import Image
from skimage import data

from vx_detectron.cli.live import main as live
from vx_detectron.cli.video import main as video
from vx_detectron.video.reading import VideoReader


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames of an astronaut who drifts to the right."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    photo = cv2.resize(data.astronaut(), (192, 192))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width = stream.height = 192
        stream.pix_fmt = "yuv420p"
        for number in range(8):
            moved = np.roll(photo, 2 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(moved), format="rgb24")
            frame.time_base, frame.pts = Fraction(1, 25), number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def run(command: object, *words: str | Path) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])  # type: ignore[arg-type]


def read(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [frame.pixels for frame in reader.frames()]


def test_a_green_screen(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "green.mp4"
    done = run(video, clip, "-o", out, "--background", "#00b140", "--eye-size", "192", "--json")
    assert done.exit_code == 0, done.output
    frames = read(out)
    assert len(frames) == 8
    for frame in frames:
        assert np.abs(frame[4, 4].astype(int) - (0, 177, 64)).max() < 12  # the photo is grey there
        assert not np.allclose(frame[150, 100], (0, 177, 64), atol=40)
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["frame"] for one in records] == list(range(8))
    assert records[0]["state"] == "chosen"
    assert {one["state"] for one in records[1:]} == {"followed"}
    assert "person" in records[0]["labels"]
    assert run(video, clip, "-o", out).exit_code == 1  # it is there already


def test_pngs_go_on_where_they_stopped(clip: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = ("--background", "transparent", "--eye-size", "192", "--overwrite")
    assert run(video, clip, "-o", whole, *options).exit_code == 0
    assert run(video, clip, "-o", parts, *options, "--end", "0.16").exit_code == 0
    assert len(list(parts.glob("*.png"))) == 4
    done = run(video, clip, "-o", parts, *options[:-1])
    assert done.exit_code == 0, done.output
    assert "4 frames already existed" in done.output
    for number in range(8):
        name = f"{number:06d}.png"
        first, second = (np.asarray(Image.open(folder / name)) for folder in (whole, parts))
        assert first.shape == (192, 192, 4)
        assert np.array_equal(first, second)
    other = run(video, clip, "-o", parts, "--background", "white")
    assert other.exit_code == 1
    assert "other options" in other.output


def test_a_crop_is_one_box_for_all_frames(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "cropped.mp4"
    done = run(video, clip, "-o", out, "--crop", "--eye-size", "192", "--mask-only")
    assert done.exit_code == 0, done.output
    shapes = {frame.shape for frame in read(out)}
    assert len(shapes) == 1
    height, width, _ = shapes.pop()
    assert height <= 192
    assert width <= 192


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--margin", "3"), "--margin needs --crop"),
        (("-o", "x.mp4", "--background", "transparent"), "mp4 cannot be transparent"),
        (("-o", "x.avi",), "expected NAME.mp4"),
        (("--start", "2", "--end", "1"), "--start must be before --end"),
        (("--at", "5"), "expected X,Y@TIME"),
        (("--at", "5,5@9", "--end", "3"), "outside of the part"),
        (("--subject", "dgo"), "did you mean dog"),
        (("--background", "video:none.mp4"), "no such file"),
        (("--fit", "cover"), "--fit needs"),
        (("--eye", "none"), "needs the eye"),
    ],
)  # fmt: skip
def test_wrong_usage_is_said_before_any_work(
    clip: Path, options: tuple[str, ...], words: str
) -> None:
    done = run(video, clip, *options)
    assert done.exit_code == 2
    assert words in done.output


def test_what_is_no_video_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"not a video")
    done = run(video, tmp_path / "clip.mp4")
    assert done.exit_code == 1
    assert "is not a video that FFmpeg can read" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_without_pyav_the_extra_is_named(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    done = run(video, clip, "-o", tmp_path / "out.mp4")
    assert done.exit_code == 1
    assert "vx-detectron[video]" in done.output


def test_live_plays_a_file_into_a_file(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "live.mp4"
    done = run(live, "--camera", clip, "-o", out, "--background", "#00b140")
    assert done.exit_code == 0, done.output
    assert "frames shown" in done.output
    first = read(out)[0]
    assert np.abs(first[4, 4].astype(int) - (0, 177, 64)).max() < 12


def test_live_without_a_camera_says_so() -> None:
    done = run(live, "--camera", "97", "--no-window")
    assert done.exit_code == 1
    assert "there is no camera 97" in done.output


def test_live_without_a_screen_says_so(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    done = run(live, "--camera", clip)
    assert done.exit_code == 1
    assert "no display for a window" in done.output
