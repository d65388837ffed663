"""``isolate`` with hints: points, a box and painted strokes, in pictures and in records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from isolate_runs import records, run
from PIL import Image
from shipped_photos import Photo

PERSON = ("--subject", "person", "--mask-only", "--no-crf")


@pytest.fixture
def photo(astronaut: Photo, tmp_path: Path) -> Path:
    """The astronaut at half its size."""
    path = tmp_path / "photo.png"
    Image.fromarray(astronaut).reduce(2).save(path)
    return path


def painted(path: Path, size: tuple[int, int] = (256, 256)) -> Path:
    """Red over the suit at the lower left, green on the flag."""
    picture = Image.new("RGBA", size)
    unit = size[0] // 64
    picture.paste((230, 20, 20, 255), (6 * unit, 44 * unit, 14 * unit, 50 * unit))
    picture.paste((20, 230, 20, 255), (3 * unit, 3 * unit, 6 * unit, 6 * unit))
    picture.save(path)
    return path


def mask_of(path: Path) -> Photo:
    with Image.open(path) as image:
        return np.asarray(image)


def test_painted_strokes_correct_the_cut_and_the_record_tells(photo: Path, tmp_path: Path) -> None:
    strokes = painted(tmp_path / "strokes.png", (512, 512))  # twice the photo's size
    result = run(photo, *PERSON, "--strokes", strokes, "--json", "-o", tmp_path / "cut.png")
    assert result.exit_code == 0, result.stderr
    cut = mask_of(tmp_path / "cut.png")
    assert (cut[178:198, 26:54] == 0).all() and (cut[14:22, 14:22] == 255).all()
    assert (cut[40:75, 95:130] > 250).mean() > 0.98
    (record,) = records(result)
    assert {one["kind"] for one in record["hints"]["strokes"]} == {"keep", "drop"}
    assert record["provenance"]["hints"] in ("network", "graph cut")


def test_points_pick_a_thing_or_correct_the_automatic_cut(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    options = ("--mask-only", "--no-crf", "--overwrite", "-o", out)
    assert run(photo, "--keep", "20,20", "--drop", "70,20", *options).exit_code == 0
    flag = mask_of(out)
    assert flag[20, 20] == 255 and flag[20, 70] == 0 and flag[40:75, 95:130].mean() < 5
    assert run(photo, "--drop", "40,190", *options).exit_code == 0
    person = mask_of(out)
    assert person[190, 40] == 0 and (person[40:75, 95:130] > 250).mean() > 0.98


def test_a_box_chooses_or_bounds_the_hints(photo: Path, tmp_path: Path) -> None:
    box = ("--box", "0,150,90,256")
    result = run(photo, *PERSON, "--drop", "40,190", *box, "--json", "-o", tmp_path / "a.png")
    assert records(result)[0]["hints"]["box"] == [0, 150, 90, 256]
    alone = run(photo, *box, "--start", "nothing", "--json", "-o", tmp_path / "b.png")
    assert alone.exit_code == 0 and records(alone)[0]["subject"]["method"] == "hints"
    chosen = run(photo, "--box", "0,0,256,256", "--json", "-o", tmp_path / "c.png")
    assert records(chosen)[0]["hints"] is None
    assert records(chosen)[0]["subject"]["method"].startswith("box")


def test_other_hints_make_another_result(photo: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "out.png")
    assert run(photo, "--keep", "20,20", *out).exit_code == 0
    same = run(photo, "--keep", "20,20", "--skip-existing", *out)
    assert same.exit_code == 0 and "skipped" in same.stderr
    other = run(photo, "--keep", "30,20", "--skip-existing", *out)
    assert other.exit_code == 1 and "skipped" not in other.stderr


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--keep", "20"), 2, "expected X,Y"),
        (("--keep", "nan,3"), 2, "keep[0] must be finite numbers"),
        (("--start", "cut"), 2, "--start says what hints start from"),
        (("--strokes", "missing.png"), 2, "missing.png"),
        (("--strokes", "photo.png"), 2, "strokes must be green (keep) or red (drop)"),
        (("--strokes", "wide.png"), 1, "256 x 64 pixels, the photo 256 x 256"),
        (("--keep", "20,300"), 1, "--keep[0] must lie within the photo, 256 x 256 pixels"),
        (("--drop", "20,20", "--subject", "person", "--box", "300,0,400,9"), 1, "--box must"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_is_written(
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    wide = Image.new("RGB", (256, 64))
    wide.paste((0, 255, 0), (3, 3, 9, 9))
    wide.save("wide.png")
    result = run(photo, *options, "-o", "cut.png")
    assert result.exit_code == code and words in result.stderr
    assert not Path("cut.png").exists()


def test_the_strokes_are_never_overwritten(photo: Path, tmp_path: Path) -> None:
    strokes = painted(tmp_path / "strokes.png")
    result = run(photo, "--strokes", strokes, "--overwrite", "-o", strokes)
    assert result.exit_code != 0
    assert mask_of(strokes).shape == (256, 256, 4)
