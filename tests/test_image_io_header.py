"""The size from a file's head, against the photo that is read whole; and pictures of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from picture_files import encoded
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.image_io import read_labels, read_photo, read_size

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF"]
PICTURE = np.zeros((6, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize("format", FORMATS)
def test_it_is_the_size_that_is_read(tmp_path: Path, format: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(encoded(PICTURE, format))
    assert read_size(path) == read_photo(path).pixels.shape[:2] == (6, 9)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright(tmp_path: Path, format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "picture"
    path.write_bytes(encoded(PICTURE, format, exif=exif))
    assert read_size(path) == read_photo(path).pixels.shape[:2]
    assert read_size(path) == ((9, 6) if orientation > 4 else (6, 9))


def test_the_pixels_need_not_be_there(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    path = tmp_path / "cut.png"
    path.write_bytes(encoded(noise, "PNG")[:500])
    assert read_size(path) == (200, 300)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"hello", "not a photo of a known format"),
        (b"\x89PNG\r\n\x1a\n nothing", "damaged"),
    ],
)
def test_what_has_no_size_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"picture\.png: .*{words}"):
        read_size(path)


def test_folders_nulls_and_large_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is a folder"):
        read_size(tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        read_size("a\0b")
    (tmp_path / "large.png").write_bytes(encoded(PICTURE, "PNG"))
    with pytest.raises(ImageError, match="expected at most 53"):
        read_size(tmp_path / "large.png", max_pixels=53)


NUMBERS = np.array([[0, 1, 2], [3, 200, 255]], dtype=np.uint8)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_numbers_come_back_whatever_the_colours(tmp_path: Path, format: str) -> None:
    image = Image.fromarray(NUMBERS)
    image.putpalette(list(range(256)) * 3)
    path = tmp_path / "labels"
    path.write_bytes(encoded(image, format))
    labels = read_labels(path)
    assert labels.dtype == np.int32 and np.array_equal(labels, NUMBERS)


def test_large_numbers_fit(tmp_path: Path) -> None:
    path = tmp_path / "labels.png"
    numbers = NUMBERS.astype(np.uint16) * 200
    path.write_bytes(encoded(Image.fromarray(numbers), "PNG"))
    assert np.array_equal(read_labels(path), numbers)


@pytest.mark.parametrize("content", [encoded(PICTURE, "PNG"), encoded(NUMBERS, "JPEG")])
def test_colours_and_lossy_numbers_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="expected one channel of class numbers"):
        read_labels(path)
