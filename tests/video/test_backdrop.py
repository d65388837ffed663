"""Backgrounds behind frames: a video that begins again, a picture that fills them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra 'video'")

from clips_made_here import even_times, picture, write_clip

from vx_detectron.deliver import Blur, Colour, Picture
from vx_detectron.errors import ConfigError
from vx_detectron.video.backdrop import Backdrop, VideoBehind, parse_behind
from vx_detectron.video.cutting import common_crop, finished, quickly


def test_a_video_begins_again_when_it_ends(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(4))
    backdrop = Backdrop(VideoBehind(str(clip)), (96, 128))
    for number in range(10):
        shown = backdrop.at(Fraction(number, 25))
        assert isinstance(shown, Picture)
        assert np.abs(shown.pixels.astype(int) - picture(number % 4)).mean() < 3, number
    backdrop.close()


def test_a_slow_video_stays_on_and_a_quick_one_skips(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even_times(8))
    backdrop = Backdrop(VideoBehind(str(clip)), (96, 128))
    for time, number in ((Fraction(0), 0), (Fraction(3, 100), 0), (Fraction(1, 5), 5)):
        shown = backdrop.at(time)
        assert isinstance(shown, Picture)
        assert np.abs(shown.pixels.astype(int) - picture(number)).mean() < 3
    backdrop.close()


def test_words_for_backgrounds() -> None:
    assert parse_behind("video:waves.mp4") == VideoBehind("waves.mp4")
    assert parse_behind("blur:3") == Blur(3.0)
    with pytest.raises(ConfigError, match="does not name a file"):
        parse_behind("video:")
    with pytest.raises(ConfigError, match="must be"):
        parse_behind("nonsense")


@pytest.mark.parametrize("compose", [finished, quickly])
def test_subject_before_a_colour(compose: object) -> None:
    frame = picture(0)
    mask = np.zeros((96, 128), np.float32)
    mask[32:64, 8:40] = 1  # the red square
    green = Colour((0, 177, 64))
    shown = (
        finished(frame, mask, green, None, False)
        if compose is finished
        else quickly(frame, mask, green)
    )
    assert shown[48, 24].tolist() == [220, 20, 20]
    assert shown[5, 5].tolist() == [0, 177, 64]
    assert shown[90, 120].tolist() == [0, 177, 64]


def test_one_crop_for_all_frames() -> None:
    boxes = [(0.25, 0.5, 0.1, 0.3), (0.3, 0.75, 0.2, 0.4)]
    crop = common_crop(boxes, (80, 100), 0.0)
    assert crop is not None
    assert (crop.top, crop.bottom, crop.left, crop.right) == (20, 60, 10, 40)
    wide = common_crop(boxes, (80, 100), 10.0)
    assert wide is not None
    assert (wide.top, wide.bottom, wide.left, wide.right) == (0, 80, 0, 100)
    assert common_crop([], (80, 100), 0.1) is None
