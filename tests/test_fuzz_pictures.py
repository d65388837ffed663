"""The short version of ``fuzz_pictures.py``, and that it would see what it looks for."""

from __future__ import annotations

from pathlib import Path

import fuzz_pictures
import pytest
from fuzz_pictures import FORMATS, check, mutated, outcomes, seeds

from vx_detectron.errors import ImageError

SOUND = seeds()


def test_every_format_is_among_the_sound_pictures_and_can_be_read(tmp_path: Path) -> None:
    assert set(SOUND) | {"HEIF"} == set(FORMATS)
    for kind, pictures in SOUND.items():
        for data in pictures:
            assert check(data, tmp_path) == ("refused" if kind == "ICO" else "photo")


def test_the_same_seed_gives_the_same_pictures() -> None:
    first = [mutated(SOUND, 3, index) for index in range(50)]
    assert first == [mutated(SOUND, 3, index) for index in range(50)]
    assert first != [mutated(SOUND, 4, index) for index in range(50)]


def test_damaged_pictures_give_a_photo_or_an_image_error() -> None:
    reports = list(outcomes(seed=1, count=330))
    assert [report[0] for report in reports] == list(range(330))
    assert [report for report in reports if report[2] not in ("photo", "refused")] == []
    assert {report[2] for report in reports} == {"photo", "refused"}


def test_another_exception_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ImageError("too little memory") from MemoryError()

    monkeypatch.setattr(fuzz_pictures, "read_photo", broken)
    with pytest.raises(AssertionError, match="memory"):
        check(SOUND["PNG"][0], tmp_path)
