"""One photo in every form that a person may hold it in gives the same Photo."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from vx_detectron.errors import ImageError
from vx_detectron.image_io import as_photo, read_photo
from vx_detectron.structures import ByteArray

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION = 274


def test_every_form_of_one_photo_gives_its_pixels(tmp_path: Path, chelsea: ByteArray) -> None:
    path = tmp_path / "chelsea.png"
    Image.fromarray(chelsea).save(path)
    forms: list[Any] = [path, str(path), path.read_bytes(), bytearray(path.read_bytes())]
    forms += [io.BytesIO(path.read_bytes()), Image.fromarray(chelsea), chelsea, read_photo(path)]
    for form in forms:
        np.testing.assert_array_equal(as_photo(form).pixels, chelsea)
    with Image.open(path) as unloaded:
        np.testing.assert_array_equal(as_photo(unloaded).pixels, chelsea)


def test_an_rgb_array_is_not_copied_and_a_photo_is_returned(chelsea: ByteArray) -> None:
    photo = as_photo(chelsea)
    assert photo.pixels is chelsea and photo.icc_profile is None
    assert as_photo(photo) is photo


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_an_opened_image_is_treated_as_its_file(
    tmp_path: Path, chelsea: ByteArray, suffix: str
) -> None:
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(chelsea).save(path, exif=exif, icc_profile=PROFILE, dpi=(300, 300))
    from_file = read_photo(path)
    assert from_file.pixels.shape == (451, 300, 3)
    with Image.open(path) as image:
        photo = as_photo(image)
    np.testing.assert_array_equal(photo.pixels, from_file.pixels)
    assert photo.icc_profile == PROFILE
    assert (photo.dpi, photo.frames, photo.notes) == (
        from_file.dpi, from_file.frames, from_file.notes,
    )  # fmt: skip


def test_grey_and_transparent_arrays(chelsea: ByteArray) -> None:
    grey = chelsea[..., 0]
    np.testing.assert_array_equal(as_photo(grey).pixels, np.dstack([grey] * 3))
    rgba = np.dstack([chelsea, np.full(grey.shape, 255, dtype=np.uint8)])
    rgba[:100, :, 3] = 0
    seen = as_photo(rgba)
    assert seen.had_alpha
    assert (seen.pixels[:100] == 255).all()  # over white, as a file's transparency
    np.testing.assert_array_equal(seen.pixels[100:], chelsea[100:])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((4, 4, 3)), "uint8 .* float64 of shape 4x4x3"),
        (np.zeros((4, 4, 2), dtype=np.uint8), "4x4x2"),
        (np.zeros((0, 4, 3), dtype=np.uint8), "not empty"),
        (np.zeros(4, dtype=np.uint8), "shape 4$"),
        (Image.new("RGB", (0, 4)), "no pixels"),
        (Image.new("F", (4, 4)), "samples of the kind F"),
        (Image.new("RGB", (100, 101)), "10,100 pixels"),
        (b"", "empty"),
        (None, "expected a photo as a path.*NoneType"),
        (7, "expected a photo as .* got builtins.int"),
        ("no such photo.jpg", "no such photo.jpg"),
    ],
)
def test_what_is_no_photo_is_refused_in_plain_words(given: Any, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        as_photo(given, max_pixels=10_000)


def test_a_damaged_image_that_was_only_opened_is_an_image_error(
    tmp_path: Path, chelsea: ByteArray
) -> None:
    whole = io.BytesIO()
    Image.fromarray(chelsea).save(whole, format="PNG")
    path = tmp_path / "half.png"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with Image.open(path) as image, pytest.raises(ImageError, match=r"half\.png: is a damaged"):
        as_photo(image)
