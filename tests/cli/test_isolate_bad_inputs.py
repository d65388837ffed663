"""Odd, broken and hostile inputs: a clear error or a right picture, and nothing left behind."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
import torch
from isolate_runs import listing, records, run
from numpy.typing import NDArray
from picture_files import encoded, file_size_limit, png
from PIL import Image

Photo = NDArray[np.uint8]

PERSON = ("--subject", "person")


@pytest.fixture
def photo(tmp_path: Path, astronaut: Photo) -> Path:
    """A good photo, ``photos/good.png``."""
    path = tmp_path / "photos" / "good.png"
    path.parent.mkdir()
    Image.fromarray(astronaut).save(path)
    return path


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    before = listing(folder)
    yield
    assert listing(folder) == before


# --- files that are no photo ---------------------------------------------------------------------

GRADIENT = np.arange(48 * 64 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8)

BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated.jpg": (
        lambda path: path.write_bytes(encoded(GRADIENT, "JPEG")[:700]),
        "is a damaged, incomplete or unsupported JPEG",
    ),
    "text.png": (lambda path: path.write_text("no photo"), "is not a photo of a known format"),
    "empty.jpg": (lambda path: path.touch(), "is empty (0 bytes)"),
    "bomb.png": (lambda path: path.write_bytes(png((20_000, 20_000), 8, 2, b"")), "400,000,000"),
    "vanished.jpg": (lambda path: None, "cannot be read: No such file"),
    "dangling.jpg": (lambda path: path.symlink_to("nowhere.jpg"), "cannot be read: No such file"),
    "circle.jpg": (lambda path: path.symlink_to("circle.jpg"), "cannot be read: "),
    "under/a/file.jpg": (
        lambda path: path.parents[1].write_bytes(b""),
        "cannot be read: Not a directory",
    ),
    "pipe.jpg": (os.mkfifo, "is a pipe or a device"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_no_photo(tmp_path: Path, name: str) -> None:
    make, words = BROKEN[name]
    make(tmp_path / name)
    with nothing_left(tmp_path):
        result = run(tmp_path / name, "-o", tmp_path / "cut.png")
    assert result.exit_code == 1 and result.stdout == ""
    assert f"Error: {tmp_path / name}: " in result.stderr and words in result.stderr


def test_all_of_them_at_once_and_one_good(tmp_path: Path, photo: Path) -> None:
    for name, (make, _) in BROKEN.items():
        if "/" not in name:
            make(photo.with_name(name))
    result = run(photo.parent, photo.with_name("vanished.jpg"), *PERSON, "-o", tmp_path / "cut")
    assert result.exit_code == 4
    assert listing(tmp_path / "cut") == {"photos", "photos/good_cutout.png"}
    assert all(f"{name}: " in result.stderr for name in BROKEN if "/" not in name)


def test_a_photo_and_a_folder_without_the_right_to_read(photo: Path) -> None:
    photo.chmod(0)
    locked = photo.parent / "locked"
    locked.mkdir(mode=0)
    if os.access(photo, os.R_OK):
        pytest.skip("this user may read all")
    result = run(photo.parent)
    assert result.exit_code == 1 and result.stderr.count("Permission denied") == 2


@pytest.mark.parametrize(("stdin", "words"), [(b"", "is empty"), (b"text", "is not a photo")])
def test_no_photo_on_standard_input(stdin: bytes, words: str) -> None:
    result = run("-", stdin=stdin)
    assert result.exit_code == 1 and result.stdout_bytes == b""
    assert "Error: standard input: " in result.stderr and words in result.stderr


def test_folders_and_patterns_without_photos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "directory.jpg").mkdir()
    for name in ("empty", "directory.jpg", "*.webp"):
        with nothing_left(tmp_path):
            result = run(tmp_path / name)
        assert result.exit_code == 1 and f"Error: {tmp_path / name}: no " in result.stderr


# --- odd files that are photos -------------------------------------------------------------------


def write_odd_photos(folder: Path, image: Image.Image) -> dict[str, tuple[int, int]]:
    """The same photo in odd ways: name to height and width."""
    grey16 = np.array(image.convert("L")).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in grey16)
    clear = image.convert("P", palette=Image.Palette.ADAPTIVE)
    clear.info["transparency"] = 0
    files = {
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG", quality=95),
        "grey16.png": png(image.size, 16, 0, rows),
        "palette.png": encoded(clear, "PNG", transparency=0),
        "animated.gif": encoded(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
        "a jpeg.png": encoded(image, "JPEG", quality=95),
        " spaces  \N{CAT} n\N{LATIN SMALL LETTER E WITH DIAERESIS}w\nline .jpg": encoded(
            image, "JPEG", quality=95
        ),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return dict.fromkeys(files, (image.height, image.width))


def test_odd_photos_are_cut_like_any_other(tmp_path: Path, astronaut: Photo) -> None:
    odd, cut = tmp_path / "odd", tmp_path / "cut"
    odd.mkdir()
    sizes = write_odd_photos(odd, Image.fromarray(astronaut))
    os.symlink("..", odd / "circle")
    result = run(odd, "-o", cut, "--mask-only", *PERSON, "--json")
    assert result.exit_code == 0, result.stderr
    assert "only the first of the 2 pictures in the file is used" in result.stderr
    assert "\nline" not in result.stderr  # a name cannot forge a line
    found = {Path(one["photo"]).name: one for one in records(result)}
    assert found.keys() == sizes.keys()
    masks = []
    for name, size in sizes.items():
        with Image.open(found[name]["output"]) as image:
            masks.append(np.array(image) >= 128)
        assert masks[-1].shape == size
    for mask in masks[1:]:  # the colours differ a little, the person does not
        assert np.count_nonzero(mask & masks[0]) > 0.9 * np.count_nonzero(mask | masks[0])


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names are text")
def test_a_name_that_is_no_text_comes_back_byte_by_byte(tmp_path: Path, astronaut: Photo) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\x1b[2J.png")
    try:
        Image.fromarray(astronaut).save(Path(name))
    except OSError:
        pytest.skip("this file system wants names that are text")
    result = run(name, *PERSON)
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes == os.fsencode(tmp_path) + b"/\xff\xfe\x1b[2J_cutout.png\n"
    assert "\x1b" not in result.stderr
    assert records(run(name, *PERSON, "--overwrite", "--json"))[0]["photo"] == name


def test_photos_of_extreme_shape(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    shapes = {"one.png": (1, 1), "strip.png": (2, 30_000), "pole.png": (3_000, 1), "flat.png": (90,
              120)}  # fmt: skip
    for name, (height, width) in shapes.items():
        pixels = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels if name != "flat.png" else pixels * 0 + 90).save(tmp_path / name)
    result = run(tmp_path, "--json")
    found = {Path(one["photo"]).name: one for one in records(result)}
    assert found["flat.png"]["status"] == "no subject"
    for name, one in found.items():
        assert one["status"] in ("done", "no subject"), one["error"]
        if one["status"] == "done":
            with Image.open(one["output"]) as image:
                assert (image.height, image.width) == shapes[name]
    made = {Path(one["output"]).name for one in found.values() if one["output"]}
    assert listing(tmp_path) == shapes.keys() | made


# --- outputs that cannot be ----------------------------------------------------------------------


def test_a_full_disk(photo: Path) -> None:
    photo.with_name("good_cutout.png").write_bytes(b"the last one")
    with nothing_left(photo.parent), file_size_limit(20_000):
        result = run(photo, "--overwrite", *PERSON)
    assert result.exit_code == 1 and "good_cutout.png: cannot be written: " in result.stderr
    assert photo.with_name("good_cutout.png").read_bytes() == b"the last one"


def test_an_output_folder_that_is_a_file(photo: Path, tmp_path: Path) -> None:
    with nothing_left(tmp_path):
        result = run(photo, "-o", f"{photo}/cut/")
    assert result.exit_code == 1 and f"{photo} is not a folder" in result.stderr
    assert "onnx on" not in result.stderr  # the network was not even loaded


def test_an_output_folder_that_cannot_be_written(photo: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write all")
    result = run(photo, "-o", locked / "sub")
    assert result.exit_code == 1 and "no permission to write to" in result.stderr


def test_an_output_that_is_a_folder(photo: Path) -> None:
    photo.with_name("good_cutout.png").mkdir()
    for how in ("--overwrite", "--skip-existing"):
        with nothing_left(photo.parent):
            result = run(photo, how)
        assert result.exit_code == 1 and "is a folder" in result.stderr


@pytest.mark.parametrize("way", ["itself", "link", "background"])
def test_what_was_read_is_never_overwritten(photo: Path, tmp_path: Path, way: str) -> None:
    link, beach = tmp_path / "link.png", tmp_path / "beach.png"
    link.symlink_to(photo)
    Image.new("RGB", (9, 9)).save(beach)
    good, blue = photo.read_bytes(), beach.read_bytes()
    arguments: dict[str, tuple[str | Path, ...]] = {
        "itself": ("-o", photo),
        "link": ("-o", link),
        "background": ("-o", beach, "--background", f"picture:{beach}"),
    }
    with nothing_left(tmp_path):
        result = run(photo, *arguments[way], "--overwrite")
    assert result.exit_code == 1 and " is the photo " in result.stderr
    assert photo.read_bytes() == good and beach.read_bytes() == blue


def test_another_photo_is_never_overwritten(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "good_cutout.png"  # what the first one's result would be called there
    other.write_bytes(photo.read_bytes())
    result = run(photo, other, *PERSON, "-o", f"{tmp_path}/", "--overwrite")
    assert result.exit_code == 4 and f"{photo}: the output {other} is the photo" in result.stderr
    assert other.read_bytes() == photo.read_bytes()
    assert (tmp_path / "good_cutout_cutout.png").is_file()


def test_two_photos_of_one_name_are_both_cut(photo: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin" / "good.png"
    twin.parent.mkdir()
    twin.write_bytes(photo.read_bytes())
    result = run(twin, photo, *PERSON, "-o", tmp_path / "cut")
    assert result.exit_code == 0, result.stderr
    assert listing(tmp_path / "cut") == {"good.png_cutout.png", "good.png-2_cutout.png"}


# --- weights and devices -------------------------------------------------------------------------


class Poison:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_poisoned_weights_do_nothing(photo: Path, tmp_path: Path) -> None:
    for name in ("poison.pkl", "poison.pth"):
        (tmp_path / name).write_bytes(pickle.dumps({"model": Poison(tmp_path / "ran")}))
        with nothing_left(tmp_path):
            result = run(photo, "--weights", tmp_path / name)
        assert result.exit_code == 1 and result.stderr.startswith("Error: ")


def test_weights_that_are_none(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("weights")
    buffer = io.BytesIO()
    torch.save({"model": {"backbone.conv.weight": torch.zeros(3, 3)}}, buffer)
    (tmp_path / "other.pth").write_bytes(buffer.getvalue())
    for name in ("text.pth", "other.pth", "missing.pth"):
        with nothing_left(tmp_path):
            result = run(photo, "--weights", tmp_path / name)
        assert result.exit_code == 1 and name in result.stderr
        assert result.stderr.startswith("Error: ") and "Traceback" not in result.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there(photo: Path) -> None:
    with warnings.catch_warnings():  # torch may say that it found no driver
        warnings.simplefilter("ignore")
        result = run(photo, "--engine", "torchvision", "--device", "cuda")
    assert result.exit_code == 1 and "finds no such device" in result.stderr


# --- subjects that are not there -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (("--rank", "99"), "the ranking ends at"),
        (("--at", "-1,5"), "outside the photo of 512 x 512"),
        (("--at", "512,5"), "outside the photo of 512 x 512"),
        (("--box", "600,0,700,10"), "outside the photo of 512 x 512"),
        (("--subject", "giraffe"), "there is no giraffe in the photo"),
    ],
)
def test_a_subject_that_the_photo_lacks(photo: Path, choice: tuple[str, ...], words: str) -> None:
    with nothing_left(photo.parent):
        result = run(photo, *choice)
    assert result.exit_code == 3 and words in result.stderr


# --- wrong usage: nothing is done, and no network is loaded --------------------------------------

ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"

USAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown class": (("--subject", "dgo"), "did you mean dog"),
    "empty class": (("--subject", " "), "got an empty one"),
    "rank 0": (("--rank", "0"), "counts from 1"),
    "point of one": (("--at", "5"), "expected X,Y in pixels"),
    "point of words": (("--at", "here,there"), "expected X,Y in pixels"),
    "point of nan": (("--at", "nan,1"), "finite"),
    "box of wrong order": (("--box", "9,9,1,1"), "x0 < x1 and y0 < y1"),
    "two choices": (("--rank", "1", "--all"), "in one way"),
    "unknown key": (("--opt", "VX.SUBJET.MIN_SCORE", "1"), "unknown key VX.SUBJET.MIN_SCORE"),
    "wrong type": (("--opt", "INPUT.MIN_SIZE_TEST", "wide"), "must be of type int"),
    "wrong value": (("--opt", "VX.SUBJECT.MIN_SCORE", "7"), "within 0..1"),
    "half an override": (("--opt", "VX.ENGINE"), "requires 2 arguments"),
    "missing configuration": (("--config-file", "missing.yaml"), "no configuration"),
    "unknown background": (("--background", "blak"), "background must be black"),
    "missing background": (("--background", "picture:missing.png"), "No such file"),
    "background above the limit": (
        ("--background", f"picture:{ROCKET}", "--opt", "VX.INPUT.MAX_PIXELS", "273279"),
        "rocket.jpg",  # of 640 x 427
    ),
    "background without a name": (("--background", "picture:"), "does not name a file"),
    "fit without a picture": (("--fit", "cover"), "needs a picture"),
    "transparent jpg": (("--format", "jpg", "--background", "transparent"), "cannot keep"),
    "unknown suffix": (("-o", "cut.xyz"), "expected a name that ends in"),
    "unknown layers": (("--layers", "a.xcf"), "--layers writes .ora and .psd files"),
    "no output": (("-o", ""), "expected a path, got an empty one"),
    "no explanation": (("--explain", " "), "expected a path, got an empty one"),
    "margin of nan": (("--crop", "--margin", "nan"), "expected a finite number"),
    "negative size": (("--opt", "INPUT.MIN_SIZE_TEST", "-3"), "INPUT.MIN_SIZE_TEST must be"),
    "unknown format": (("--format", "bmp"), "is not one of"),
    "two formats": (("-o", "cut.png", "--format", "jpg"), "asks for jpg"),
    "quality of png": (("--quality", "50"), "always lossless"),
    "quality 0": (("--quality", "0"), "range"),
    "margin without crop": (("--margin", "3"), "needs --crop"),
    "negative margin": (("--crop", "--margin", "-1"), "range"),
    "mask with background": (("--mask-only", "--background", "red"), "shows no background"),
    "loud and quiet": (("-v", "-q"), "not both"),
    "record and picture": (("-o", "-", "--json"), "cannot both go to standard output"),
    "unknown engine": (("--engine", "tensorflow"), "is not one of"),
    "unknown option": (("--nonsense",), "No such option"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(photo: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, words = USAGE[case]
    monkeypatch.chdir(photo.parent)
    with nothing_left(photo.parent):
        result = run(photo, *arguments)
    assert result.exit_code == 2 and result.stderr.startswith(("Usage:", "Error:"))
    assert words in " ".join(result.stderr.split())


def test_no_photo_named() -> None:
    result = run()
    assert result.exit_code == 2 and "Missing argument 'PHOTO...'" in result.stderr
