"""What becomes of a photo's samples, colours, transparency, orientation and density."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from picture_files import (
    LETTER,
    SRGB,
    Pixels,
    encoded,
    linear_grey_profile,
    odd_cmyk_profile,
    png,
    tiff,
)
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.image_io import read_photo


def srgb_of_luminance(luminance: float) -> float:
    """IEC 61966-2-1, for a neutral grey, 0..255."""
    if luminance <= 0.0031308:
        return 255 * 12.92 * luminance
    return float(255 * (1.055 * luminance ** (1 / 2.4) - 0.055))


# --- pixel layouts -----------------------------------------------------------------------------


def grey(*values: int) -> Pixels:
    return np.repeat(np.array([values], dtype=np.uint8)[:, :, None], 3, axis=2)


SIXTEEN = (0, 1, 255, 256, 4095, 32768, 65279, 65535)
EIGHT = grey(0, 0, 0, 1, 15, 128, 254, 255)


@pytest.mark.parametrize(
    "data",
    [
        png((8, 1), 16, 0, b"\0" + struct.pack(">8H", *SIXTEEN)),
        png((8, 1), 16, 2, b"\0" + struct.pack(">24H", *np.repeat(SIXTEEN, 3).tolist())),
        tiff({256: 8, 258: 16}, struct.pack("<8H", *SIXTEEN)),
        tiff({256: 8, 258: 16}, struct.pack(">8H", *SIXTEEN), order=">"),
        tiff({256: 8, 258: 16, 262: 0}, struct.pack("<8H", *(65535 - v for v in SIXTEEN))),
        b"P5 8 1 65535\n" + struct.pack(">8H", *SIXTEEN),
    ],
    ids=["png", "png-rgb", "tiff", "tiff-big-endian", "tiff-white-is-zero", "pgm"],
)
def test_sixteen_bits_keep_their_upper_eight(data: bytes) -> None:
    np.testing.assert_array_equal(read_photo(data).pixels, EIGHT)


def test_twelve_bits_fill_the_range() -> None:
    packed = bytes.fromhex("000 fff 800 00f".replace(" ", ""))
    np.testing.assert_array_equal(
        read_photo(tiff({256: 4, 258: 12}, packed)).pixels, grey(0, 255, 128, 0)
    )


@pytest.mark.parametrize(
    ("tags", "samples"),
    [
        ({258: 16, 339: 3}, struct.pack("<e", 0.5)),
        ({258: 32}, struct.pack("<I", 7)),
        ({258: 16, 339: 2}, struct.pack("<h", -7)),
        ({258: 8, 339: 2}, struct.pack("<b", -7)),
    ],
    ids=["half float", "32 bit", "signed", "signed bytes"],
)
def test_samples_without_a_defined_range_are_refused(tags: dict[int, int], samples: bytes) -> None:
    with pytest.raises(
        ImageError, match=r"range in a photo is not defined|-bit (signed|float) grey"
    ):
        read_photo(tiff(tags, samples))


def test_a_float_of_one_half_is_middle_grey() -> None:
    data = tiff({258: 32, 339: 3}, struct.pack("<f", 0.5))
    np.testing.assert_array_equal(read_photo(data).pixels, grey(128))


def test_one_bit_and_grey_and_palette() -> None:
    np.testing.assert_array_equal(
        read_photo(png((8, 1), 1, 0, b"\0\xa0")).pixels, grey(255, 0, 255, 0, 0, 0, 0, 0)
    )
    np.testing.assert_array_equal(
        read_photo(png((3, 1), 8, 0, b"\0\x00\x07\xff")).pixels, grey(0, 7, 255)
    )
    palette = (b"PLTE", bytes([1, 2, 3, 40, 50, 60]))
    photo = read_photo(png((2, 1), 8, 3, b"\0\x01\x00", palette))
    assert photo.pixels.tolist() == [[[40, 50, 60], [1, 2, 3]]]


HALF = 100 * 128 / 255 + 127  # 100 at alpha 128 over white
THREE = bytes([*[100] * 3, 255, *[100] * 3, 128, *[100] * 3, 0])
SEEN = "parts are transparent and stay so; the subject was looked for over white"


@pytest.mark.parametrize(
    ("data", "seen", "alpha"),
    [
        (png((3, 1), 8, 4, b"\0" + bytes([100, 255, 100, 128, 100, 0])), [100, HALF, 255], THREE),
        (png((3, 1), 8, 6, b"\0" + THREE), [100, HALF, 255], THREE),
        (
            png((3, 1), 16, 6, b"\0" + bytes(b for one in THREE for b in (one, 9))),
            [100, HALF, 255],
            THREE,
        ),
        (
            png((3, 1), 8, 3, b"\0\0\1\2", (b"PLTE", b"ddd" * 3), (b"tRNS", b"\xff\x80\0")),
            [100, HALF, 255],
            THREE,
        ),
    ],
    ids=["grey+alpha", "rgba", "rgba 16", "palette"],
)
def test_transparency_is_kept_and_seen_over_a_plain_colour(
    data: bytes, seen: list[float], alpha: bytes
) -> None:
    photo = read_photo(data)
    assert photo.had_alpha and photo.notes == (SEEN,)
    np.testing.assert_allclose(photo.pixels[0], np.repeat(seen, 3).reshape(-1, 3), atol=1)
    np.testing.assert_array_equal(photo.alpha, [list(alpha[3::4])])
    np.testing.assert_array_equal(photo.colours, np.full((1, 3, 3), 100))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png((2, 1), 8, 0, b"\0\x64\x65", (b"tRNS", b"\0\x65")), [255, 0]),
        (png((2, 1), 1, 0, b"\0\x80", (b"tRNS", b"\0\1")), [0, 255]),
        (png((4, 1), 2, 0, b"\0\x1b", (b"tRNS", b"\0\1")), [255, 0, 255, 255]),
        (png((2, 1), 4, 0, b"\0\x7e", (b"tRNS", b"\0\x0e")), [255, 0]),
        (png((2, 1), 16, 0, b"\0\x64\x00\x64\x01", (b"tRNS", b"\x64\x01")), [255, 0]),
        (png((2, 1), 8, 2, b"\0\1\2\3\1\2\4", (b"tRNS", b"\0\1\0\2\0\4")), [255, 0]),
        (
            png((3, 1), 16, 2, b"\0" + b"\1\2" * 3 + b"\1\3" * 3 + b"\7\3" * 3,
                (b"tRNS", b"\1\3" * 3)),
            [255, 0, 255],
        ),
    ],
    ids=["8-bit", "1-bit", "2-bit", "4-bit", "16-bit", "rgb", "16-bit rgb"],
)  # fmt: skip
def test_a_colour_key_is_compared_at_its_full_depth(data: bytes, expected: list[int]) -> None:
    np.testing.assert_array_equal(read_photo(data).alpha, [expected])


def test_alpha_that_is_zero_everywhere_is_none() -> None:
    photo = read_photo(encoded(np.dstack([LETTER, np.zeros((2, 3), np.uint8)]), "PNG"))
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert photo.notes == ("its alpha channel is zero everywhere and was ignored",)
    assert photo.alpha is None and photo.had_alpha


def test_an_opaque_alpha_channel_changes_nothing() -> None:
    photo = read_photo(encoded(np.dstack([LETTER, np.full((2, 3), 255, np.uint8)]), "PNG"))
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert not photo.had_alpha and photo.notes == ()


# --- colour ------------------------------------------------------------------------------------

INKS = {(0, 0, 0, 0): (255, 255, 255), (255, 0, 0, 0): (0, 255, 255), (0, 0, 0, 255): (0, 0, 0)}


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
@pytest.mark.parametrize("ink", INKS)
def test_cmyk_inks(format: str, ink: tuple[int, int, int, int]) -> None:
    data = encoded(Image.new("CMYK", (8, 8), ink), format)
    assert (b"Adobe" in data) == (format == "JPEG")  # Adobe's JPEG stores them inverted
    photo = read_photo(data)
    np.testing.assert_allclose(photo.pixels, np.broadcast_to(INKS[ink], (8, 8, 3)), atol=3)
    assert "approximate" in photo.notes[0] and photo.icc_profile is None


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_own_profile(format: str) -> None:
    cyan = srgb_of_luminance(((40 + 16) / 116) ** 3)  # L* to Y; CIE 15
    for ink, value in {(0, 0, 0, 0): 255.0, (255, 0, 0, 0): cyan, (0, 255, 0, 0): 0.0}.items():
        image = Image.new("CMYK", (8, 8), ink)
        photo = read_photo(encoded(image, format, icc_profile=odd_cmyk_profile()))
        np.testing.assert_allclose(photo.pixels, value, atol=3)
        assert photo.icc_profile is None and photo.notes == ()


def test_grey_goes_through_its_own_profile() -> None:
    values = (0, 20, 128, 255)
    data = encoded(grey(*values)[:, :, 0], "PNG", icc_profile=linear_grey_profile())
    photo = read_photo(data)
    expected = [srgb_of_luminance(value / 255) for value in values]
    np.testing.assert_allclose(photo.pixels[0, :, 1], expected, atol=1.5)
    assert photo.icc_profile is None and photo.notes == ()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_an_rgb_profile_is_kept_and_the_pixels_stay(format: str) -> None:
    marked = read_photo(encoded(LETTER, format, icc_profile=SRGB))
    assert marked.icc_profile == SRGB and marked.notes == ()
    np.testing.assert_array_equal(marked.pixels, read_photo(encoded(LETTER, format)).pixels)


@pytest.mark.parametrize(
    "bad", [b"rubbish", SRGB[:200], b"\0" * 128, SRGB[:16] + b"R\xc6B " + SRGB[20:]]
)
@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_a_broken_profile_costs_nothing_but_itself(bad: bytes, mode: str) -> None:
    image = Image.fromarray(LETTER).convert(mode)
    photo = read_photo(encoded(image, "TIFF", icc_profile=bad))
    np.testing.assert_array_equal(photo.pixels, np.array(image.convert("RGB")))
    assert photo.icc_profile is None and "profile" in photo.notes[0]


def test_a_profile_for_other_colours_is_dropped() -> None:
    photo = read_photo(encoded(LETTER, "TIFF", icc_profile=odd_cmyk_profile()))
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert photo.icc_profile is None
    assert photo.notes == ("its colour profile is for CMYK, not RGB, and was ignored",)


# --- orientation and density -------------------------------------------------------------------

# Where the stored row r, column c lies in the upright picture of height h and width w, by the
# words of EXIF 2.3, 4.6.4: "the 0th row is at the visual ..., the 0th column is the visual ...".
PLACES: dict[int, Callable[[int, int, int, int], tuple[int, int]]] = {
    1: lambda r, c, h, w: (r, c),
    2: lambda r, c, h, w: (r, w - 1 - c),
    3: lambda r, c, h, w: (h - 1 - r, w - 1 - c),
    4: lambda r, c, h, w: (h - 1 - r, c),
    5: lambda r, c, h, w: (c, r),
    6: lambda r, c, h, w: (c, w - 1 - r),
    7: lambda r, c, h, w: (h - 1 - c, w - 1 - r),
    8: lambda r, c, h, w: (h - 1 - c, r),
}


def stored(upright: Pixels, orientation: int) -> Pixels:
    height, width = upright.shape[:2]
    rows, columns = (height, width) if orientation < 5 else (width, height)
    place = PLACES[orientation]
    return np.array(
        [[upright[place(r, c, height, width)] for c in range(columns)] for r in range(rows)]
    )


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", PLACES)
def test_every_orientation_is_made_upright(format: str, orientation: int) -> None:
    upright = np.kron(LETTER, np.ones((16, 16, 1), np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {"quality": 100}
    photo = read_photo(encoded(stored(upright, orientation), format, exif=exif, **options))
    lossy = format in ("JPEG", "AVIF")
    assert photo.pixels.shape == upright.shape
    middles = photo.pixels[8::16, 8::16] if lossy else photo.pixels
    np.testing.assert_allclose(middles, LETTER if lossy else upright, atol=6 if lossy else 0)


@pytest.mark.parametrize("orientation", PLACES)
def test_heif_is_turned_once(orientation: int) -> None:
    """It states its turn twice: in the container, which counts, and in EXIF, which does not."""
    pillow_heif = pytest.importorskip("pillow_heif")
    upright = np.kron(LETTER, np.ones((32, 32, 1), np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    file = pillow_heif.from_pillow(Image.fromarray(stored(upright, orientation)))
    file[0].info["exif"] = exif.tobytes()
    buffer = io.BytesIO()
    file.save(buffer, quality=95)
    photo = read_photo(buffer.getvalue())
    assert photo.pixels.shape == upright.shape
    np.testing.assert_allclose(photo.pixels[16::32, 16::32], LETTER, atol=12)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    np.testing.assert_array_equal(read_photo(encoded(LETTER, "PNG", exif=exif)).pixels, LETTER)


def test_broken_exif_costs_nothing_but_itself() -> None:
    photo = read_photo(encoded(LETTER, "PNG", exif=b"Exif\0\0XX*\0\x08\0\0\0"))
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert "EXIF is broken" in photo.notes[0]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_the_density_is_kept_and_turns_with_the_photo(format: str) -> None:
    assert read_photo(encoded(LETTER, format, dpi=(300, 150))).dpi == pytest.approx(
        (300, 150), abs=0.1
    )
    if format in ("PNG", "JPEG"):
        exif = Image.Exif()
        exif[274] = 6
        turned = read_photo(encoded(LETTER, format, dpi=(300, 150), exif=exif))
        assert turned.dpi == pytest.approx((150, 300), abs=0.1)


def test_a_density_that_cannot_be_is_none() -> None:
    for x, y in ((0, 0), (2**32 - 1, 2**32 - 1)):
        density = (b"pHYs", struct.pack(">IIB", x, y, 1))
        assert read_photo(png((1, 1), 8, 0, b"\0\0", density)).dpi is None
    assert read_photo(encoded(LETTER, "TIFF")).dpi is None
