"""What is transparent in a photo stays so, and hides nothing from whoever looks at it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from picture_files import LETTER, Pixels, encoded
from PIL import Image

from vx_detectron.image_io import Photo, as_photo, changed, read_photo
from vx_detectron.image_io.transparency import lay_over


def disc(colour: int, clear: int = 0, size: int = 80) -> Pixels:
    """A disc of one grey whose surroundings are transparent, and white where nobody sees it."""
    rows, columns = np.mgrid[:size, :size]
    inside = (rows - size / 2) ** 2 + (columns - size / 2) ** 2 < (size / 3) ** 2
    picture = np.full((size, size, 4), 255, dtype=np.uint8)
    picture[..., 3] = np.where(inside, 255, clear)
    picture[inside, :3] = colour
    return picture


@pytest.mark.parametrize("colour", [0, 30, 90, 128, 170, 230, 255])
def test_the_backdrop_never_hides_the_edge(colour: int) -> None:
    photo = read_photo(encoded(disc(colour), "PNG"))
    inside, outside = photo.pixels[40, 40].astype(int), photo.pixels[2, 2].astype(int)
    assert (inside == colour).all()
    assert np.linalg.norm(inside - outside) >= 70
    if colour <= 200:
        assert (outside == 255).all()


def test_an_edge_of_black_and_white_gets_a_backdrop_of_colour() -> None:
    picture = disc(0)
    picture[:, ::2, :3] = 255
    photo = read_photo(encoded(picture, "PNG"))
    outside = photo.pixels[2, 2].astype(int)
    assert min(np.linalg.norm(outside - 0), np.linalg.norm(outside - 255)) >= 70
    assert photo.notes[0].split()[-1] not in ("white", "black")


def test_the_straight_colours_are_kept_for_the_result() -> None:
    picture = np.dstack([LETTER, np.full((2, 3), 128, np.uint8)])
    picture[0, 0, 3] = 0
    photo = read_photo(encoded(picture, "PNG"))
    np.testing.assert_array_equal(photo.colours, LETTER)
    np.testing.assert_array_equal(photo.alpha, picture[..., 3])
    np.testing.assert_array_equal(photo.layer, picture)
    flat = np.asarray(Image.alpha_composite(Image.new("RGBA", (3, 2), "white"),
                                            Image.fromarray(picture)))[..., :3]  # fmt: skip
    np.testing.assert_allclose(photo.flat, flat, atol=1)


def test_what_is_nowhere_opaque_is_seen_as_strongly_as_it_can_be() -> None:
    photo = read_photo(encoded(np.dstack([LETTER, np.full((2, 3), 51, np.uint8)]), "PNG"))
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert photo.alpha is not None and (photo.alpha == 51).all()


def test_a_bmp_whose_alpha_is_never_set_is_opaque() -> None:
    pixels = b"".join(bytes([b, g, r, 0]) for r, g, b in LETTER[::-1].reshape(-1, 3).tolist())
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 3, 2, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    head = (head + masks + b"sRGB"[::-1]).ljust(108, b"\0")
    data = b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + head + pixels
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert photo.alpha is None
    assert photo.notes == ("its alpha channel is zero everywhere and was ignored",)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_alpha_turns_with_the_photo(orientation: int) -> None:
    picture = np.dstack([LETTER, np.arange(6, dtype=np.uint8).reshape(2, 3) * 50])
    exif = Image.Exif()
    exif[274] = orientation
    photo = read_photo(encoded(picture, "PNG", exif=exif))
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    np.testing.assert_array_equal(photo.layer, np.rot90(picture, turns))


def test_arrays_and_pil_images_keep_their_transparency() -> None:
    picture = disc(200)
    for source in (picture, Image.fromarray(picture)):
        photo = as_photo(source)
        np.testing.assert_array_equal(photo.layer, picture)


def test_a_part_and_a_smaller_one_are_photos_too() -> None:
    picture = disc(40)
    picture[picture[..., 3] == 0, :3] = (255, 0, 255)  # a colour that nobody may see
    photo = read_photo(encoded(picture, "PNG"))
    part = changed(photo, lambda array: array[10:50, 20:60].copy())
    np.testing.assert_array_equal(part.layer, picture[10:50, 20:60])
    small = photo.scaled(33, 33)
    assert small.alpha is not None and small.pixels.shape == (33, 33, 3)
    seen = small.alpha > 4
    assert np.abs(small.colours[seen].astype(int) - 40).max() <= 8
    opaque = Photo(LETTER, "x", "PNG").scaled(1, 1)
    assert opaque.alpha is None and opaque.pixels.shape == (1, 1, 3)


def test_alpha_and_straight_colours_belong_together() -> None:
    alpha = np.zeros((2, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="belong together"):
        Photo(LETTER, "x", "PNG", alpha=alpha)
    with pytest.raises(ValueError, match="alpha must have the size"):
        Photo(LETTER, "x", "PNG", alpha=alpha[:1], straight=LETTER)
    with pytest.raises(ValueError, match="alpha must be uint8 of shape HxW"):
        Photo(LETTER, "x", "PNG", alpha=LETTER, straight=LETTER)


def test_laid_over_by_hand() -> None:
    colours = np.array([[[100, 0, 200]] * 3], dtype=np.uint8)
    alpha = np.array([[0, 128, 255]], dtype=np.uint8)
    laid = lay_over(colours, alpha, (0, 0, 0))
    np.testing.assert_allclose(laid[0], [[0, 0, 0], [50, 0, 100], [100, 0, 200]], atol=1)
