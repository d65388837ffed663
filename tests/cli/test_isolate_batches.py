"""Many photos, again and again: whose result a file is, and what may cost a batch nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from isolate_runs import ENGINE, listing, records, run, start
from numpy.typing import NDArray
from PIL import Image

from vx_detectron.deliver.mark import Mark, read_mark
from vx_detectron.image_io import write_picture
from vx_detectron.weights.catalog import sha256_of

Photo = NDArray[np.uint8]

PERSON = ("--subject", "person")


@pytest.fixture
def photo(tmp_path: Path, astronaut: Photo) -> Path:
    """The astronaut as a small file, alone in a folder."""
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    Image.fromarray(astronaut[:256, 64:320]).save(path, quality=90)
    return path


# --- the mark ------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("channels", [0, 3])
def test_a_mark_is_kept_by_every_format(tmp_path: Path, format: str, channels: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    pixels = noise if channels else noise[..., 0]
    mark = Mark("0123456789abcdef" * 4, "fedcba9876543210")
    write_picture(tmp_path / "x", pixels, format=format, software=str(mark))  # type: ignore[arg-type]
    assert read_mark(tmp_path / "x") == mark
    with Image.open(tmp_path / "x") as image:
        assert image.getexif()[305] == str(mark)  # EXIF "Software", as any program shows it
        assert set(image.getexif()) - {305} == set() or format == "tiff"
        if format in ("png", "tiff"):
            np.testing.assert_array_equal(np.array(image), pixels)
    write_picture(tmp_path / "y", pixels, format=format)  # type: ignore[arg-type]
    assert read_mark(tmp_path / "y") is None


def test_no_mark_where_there_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert read_mark(tmp_path / "empty") is read_mark(tmp_path) is read_mark("nowhere") is None


def test_everything_that_is_written_says_whose_it_is(photo: Path, tmp_path: Path) -> None:
    why, layers = tmp_path / "why.png", tmp_path / "layers"
    options = ("-o", tmp_path / "cut.jpg", "--explain", why, "--layers", layers)
    assert run(photo, *options).exit_code == 0
    files = [tmp_path / "cut.jpg", why, *(layers / "a_layers").iterdir()]
    marks = {read_mark(file) for file in files}
    assert len(files) > 3 and len(marks) == 1
    (mark,) = marks
    assert mark is not None and mark.photo == sha256_of(photo)
    assert run(photo, "-o", tmp_path / "cut.png", "--layers", tmp_path / "l.ora").exit_code == 0
    ora = read_mark(tmp_path / "l.ora")
    assert ora is not None and ora.photo == mark.photo and ora.options != mark.options


def test_a_folder_can_be_cut_again_and_again(photo: Path) -> None:
    """Results are not cut again; the owner's photos with such names are."""
    mine = photo.with_name("b_cutout.jpg")
    shutil.copy(photo, mine)
    assert run(photo.parent, *PERSON).exit_code == 0
    made = {"a.jpg", "a_cutout.png", "b_cutout.jpg", "b_cutout_cutout.png"}
    assert listing(photo.parent) == made
    again = run(photo.parent, *PERSON, "--overwrite")
    assert again.exit_code == 0, again.stderr
    assert listing(photo.parent) == made
    assert "left out 2 that this command made" in again.stderr
    assert f"1 are named like results of this command but lack its mark, such as {mine}" in (
        again.stderr
    )


# --- --skip-existing knows whose result it is ----------------------------------------------------


def status(*arguments: str | Path) -> tuple[str, str]:
    """What became of one photo, and the error."""
    (record,) = records(run(*arguments, *PERSON, "--skip-existing", "--json"))
    return record["status"], record.get("error", "")


def test_a_result_is_skipped_only_where_it_is_the_photos_own(photo: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.png"
    assert status(photo, "-o", cut)[0] == "done"
    before = cut.stat().st_mtime_ns
    for same in ((), ("--device", "cpu"), ("--opt", "VX.INPUT.MAX_PIXELS", "999999999")):
        assert status(photo, "-o", cut, *same)[0] == "skipped"
    for other in (("--crop",), ("--background", "red"), ("--opt", "VX.REFINE.CRF_SXY", "3"),
                  ("--opt", "INPUT.MIN_SIZE_TEST", "256"), ("--with", "cup")):  # fmt: skip
        found, error = status(photo, "-o", cut, *other)
        assert found == "failed" and "was made with other options" in error
    photo.write_bytes(photo.read_bytes() + b"\0")
    found, error = status(photo, "-o", cut)
    assert found == "failed" and "of this one before it was changed" in error
    assert cut.stat().st_mtime_ns == before


def test_outputs_that_are_missing_are_made(photo: Path, tmp_path: Path) -> None:
    cut, why, layers = tmp_path / "cut.png", tmp_path / "why.png", tmp_path / "layers"
    options = ("-o", cut, "--explain", why, "--layers", layers)
    assert status(photo, "-o", cut)[0] == "done"
    assert status(photo, *options)[0] == "done"
    assert status(photo, *options)[0] == "skipped"
    for missing in (cut, why, tmp_path / "why.json", layers / "a_layers" / "annotations.json"):
        missing.unlink()
        assert status(photo, *options)[0] == "done"
        assert missing.exists()
    why.write_bytes(b"mine")
    assert "was not made by this program" in status(photo, *options)[1]
    assert why.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["all.ora", "all.psd"])
def test_layered_files_are_known_again(photo: Path, tmp_path: Path, name: str) -> None:
    if name.endswith(".psd"):
        pytest.importorskip("psd_tools")
    options = ("-o", tmp_path / "cut.png", "--layers", tmp_path / name)
    assert status(photo, *options)[0] == "done"
    assert status(photo, *options)[0] == "skipped"
    assert "was made with other options" in status(photo, *options, "--with", "cup")[1]
    (tmp_path / "cut.png").unlink()
    (tmp_path / name).write_bytes(b"somebody's")
    assert "was not made by this program" in status(photo, *options)[1]
    assert (tmp_path / name).read_bytes() == b"somebody's"


def test_another_format_is_another_result(photo: Path) -> None:
    assert status(photo)[0] == "done"
    assert status(photo, "--format", "webp")[0] == "done"
    assert listing(photo.parent) == {"a.jpg", "a_cutout.png", "a_cutout.webp"}
    shutil.copy(photo.with_name("a_cutout.webp"), photo.with_name("a_cutout.png"))
    assert "was made with other options" in status(photo)[1]


def test_standard_input_has_no_name_to_know_it_by(photo: Path, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "cut.png", *PERSON, "--skip-existing")
    assert run("-", *output, stdin=photo.read_bytes()).exit_code == 0
    again = run("-", *output, stdin=photo.read_bytes())
    assert again.exit_code == 1 and "cannot tell whether" in again.stderr


def test_overwriting_layers_removes_the_old_ones(photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "layers" / "a_layers"
    assert run(photo, "--layers", tmp_path / "layers").exit_code == 0
    old = shutil.copy(next(folder.glob("*_layer.png")), folder / "77 cow 1_layer.png")
    Image.new("RGB", (9, 9)).save(folder / "my own_layer.png")
    (folder / "notes.txt").touch()
    assert run(photo, "--layers", tmp_path / "layers", "--overwrite").exit_code == 0
    assert not old.exists()
    assert {"my own_layer.png", "notes.txt", "annotations.json"} <= listing(folder)


# --- names and places ----------------------------------------------------------------------------


def test_the_home_folder_where_no_shell_replaces_it(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(photo.parent)
    Image.new("RGB", (9, 9), (0, 0, 255)).save(tmp_path / "beach.png")
    behind = ("--background", "picture:~/beach.png")
    result = run(photo, *PERSON, "--output=~/x.png", "--explain=~/why.png", *behind)
    assert result.exit_code == 0, result.stderr
    assert {"x.png", "why.png", "why.json"} <= listing(tmp_path)
    with Image.open(tmp_path / "x.png") as image:
        assert image.getpixel((255, 0)) == (0, 0, 255)
    assert listing(photo.parent) == {"a.jpg"}


def test_a_name_that_would_be_too_long_fails_before_the_work(photo: Path, tmp_path: Path) -> None:
    long = photo.with_name("n" * 245 + ".jpg")
    shutil.copy(photo, long)
    result = run(long)
    assert result.exit_code == 1 and "is too long for this file system" in result.stderr
    assert "onnx on" not in result.stderr  # the network was not even loaded
    for option in ("-o", "--explain", "--layers"):
        names = (photo, "-o", tmp_path / "cut.png", option, tmp_path / ("m" * 260) / "x.png")
        refused = run(*names[:-1], f"{tmp_path / ('m' * 260)}/")
        assert refused.exit_code == 1 and "is too long" in refused.stderr, option
    assert not (tmp_path / "cut.png").exists()


def test_a_photo_in_a_very_deep_folder(photo: Path, very_deep_folder: Path) -> None:
    shutil.copy(photo, very_deep_folder / "a.jpg")
    result = run("top", *PERSON, "-o", "cut")
    assert result.exit_code == 0, result.stderr
    assert Path("cut", *very_deep_folder.parts[1:], "a_cutout.png").is_file()


def test_a_misspelt_photo_is_said_before_the_network_loads(photo: Path) -> None:
    result = run(photo.with_name("b.jpg"), *PERSON)
    assert result.exit_code == 1 and "onnx on" not in result.stderr
    assert f"b.jpg: cannot be read: No such file or directory; did you mean {photo}?" in (
        result.stderr
    )
    both = run(photo, photo.with_name("b.jpg"), *PERSON)
    assert both.exit_code == 4
    assert both.stderr.index("b.jpg: cannot be read") < both.stderr.index("onnx on")


def test_notes_are_kept_where_there_is_no_subject(tmp_path: Path) -> None:
    grey = Image.new("RGB", (120, 90), (90, 90, 90))
    grey.save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", (120, 90))])
    result = run(tmp_path / "a.gif", "--json")
    (record,) = records(result)
    assert record["status"] == "no subject"
    assert any("of the 2 pictures" in note for note in record["notes"])
    assert "of the 2 pictures" in result.stderr


# --- standard output that cannot be written ------------------------------------------------------


@pytest.fixture
def folder(photo: Path) -> Path:
    """Three photos."""
    for name in "bc":
        shutil.copy(photo, photo.with_name(f"{name}.jpg"))
    return photo.parent


def test_a_reader_that_leaves_costs_no_photo(folder: Path) -> None:
    pipe, end = os.pipe()
    os.close(pipe)
    with start(folder, *ENGINE, *PERSON, stdout=end, stderr=subprocess.PIPE) as program:
        os.close(end)
        _, words = program.communicate(timeout=120)
    assert program.returncode == 4, words
    assert "standard output cannot be written: Broken pipe; the remaining photos are cut" in words
    assert words.count("Broken pipe") == 1 and "Traceback" not in words
    assert len(list(folder.glob("*_cutout.png"))) == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_a_full_disk_behind_standard_output_costs_no_photo(folder: Path) -> None:
    with (
        open("/dev/full", "w") as full,
        start(folder, *ENGINE, *PERSON, stdout=full, stderr=subprocess.PIPE) as program,
    ):
        _, words = program.communicate(timeout=120)
    assert program.returncode == 4 and "No space left on device; the remaining" in words, words
    assert "Traceback" not in words and len(list(folder.glob("*_cutout.png"))) == 3


@pytest.mark.skipif(os.name != "posix", reason="a shell's >&-")
def test_closed_standard_streams(photo: Path) -> None:
    with start(photo, *ENGINE, *PERSON, stderr=subprocess.PIPE, closed=(0, 1)) as program:
        _, words = program.communicate(timeout=120)
    assert program.returncode == 0, words
    with Image.open(photo.with_name("a_cutout.png")) as image:
        assert image.size == (256, 256)
