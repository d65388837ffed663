"""Colour spaces that files state by numbers, and colours carried from one space to another.

The truth is worked out from the primaries and curves of the standards, without any profile.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_files import LETTER, SRGB, Pixels, encoded, linear_grey_profile, png
from PIL import Image, ImageCms

from vx_detectron.image_io import read_photo, write_picture
from vx_detectron.image_io.profiles import adobe_rgb, convert, is_two_way, rgb_profile

WHITE = (0.3127, 0.3290)
POINTS = {
    "sRGB": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "BT.2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "Adobe": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
}
COLOURS = np.array(
    [[[200, 40, 30], [30, 120, 200], [250, 250, 250], [0, 0, 0], [90, 160, 80]]], dtype=np.uint8
)


def to_xyz(space: str) -> NDArray[Any]:
    points = np.array([WHITE, *POINTS[space]])
    white, *primaries = np.array([points[:, 0], points[:, 1], 1 - points.sum(axis=1)]).T
    columns = np.array(primaries).T
    return columns * np.linalg.solve(columns, white / white[1])


def linear(values: NDArray[Any]) -> NDArray[Any]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode(values: NDArray[Any]) -> NDArray[Any]:
    values = np.clip(values, 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def carried(
    pixels: Pixels, source: str, target: str, gammas: tuple[float, float] = (0, 0)
) -> NDArray[Any]:
    """0..255; a gamma of 0 stands for sRGB's curve."""
    values = pixels / 255
    light = values ** gammas[0] if gammas[0] else linear(values)
    light = light @ (np.linalg.inv(to_xyz(target)) @ to_xyz(source)).T
    light = np.clip(light, 0, 1)
    return 255 * (light ** (1 / gammas[1]) if gammas[1] else encode(light))


def rows_of(pixels: Pixels) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def chrm(space: str) -> tuple[bytes, bytes]:
    numbers = [round(100_000 * n) for point in (WHITE, *POINTS[space]) for n in point]
    return b"cHRM", struct.pack(">8I", *numbers)


def gama(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(100_000 * exponent))


def read_chunks(*chunks: tuple[bytes, bytes]) -> Any:
    return read_photo(png((5, 1), 8, 2, rows_of(COLOURS), *chunks))


@pytest.mark.parametrize(
    ("chunks", "space", "gamma"),
    [
        ([chrm("P3")], "P3", 0),
        ([gama(1 / 2.2), chrm("P3")], "P3", 0),
        ([gama(1 / 1.8)], "sRGB", 1.8),
        ([gama(1.0)], "sRGB", 1.0),
        ([gama(1 / 2.0), chrm("Adobe")], "Adobe", 2.0),
        ([(b"cICP", b"\x0c\x0d\0\1")], "P3", 0),
        ([(b"cICP", b"\x09\x0d\0\1")], "BT.2020", 0),
        ([(b"cICP", b"\x01\x08\0\1")], "sRGB", 1.0),
        ([(b"cICP", b"\x0c\x0d\0\1"), (b"sRGB", b"\0"), gama(1.0)], "P3", 0),
    ],
)
def test_a_space_stated_in_a_png_is_kept_as_a_profile(
    chunks: list[tuple[bytes, bytes]], space: str, gamma: float
) -> None:
    photo = read_chunks(*chunks)
    np.testing.assert_array_equal(photo.pixels, COLOURS)
    assert photo.icc_profile is not None and photo.notes == ()
    seen = convert(photo.pixels, photo.icc_profile, None)
    np.testing.assert_allclose(seen, carried(COLOURS, space, "sRGB", (gamma, 0)), atol=1.6)
    file = io.BytesIO()
    write_picture(file, photo.pixels, format="png", icc_profile=photo.icc_profile)
    assert read_photo(file.getvalue()).icc_profile == photo.icc_profile


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"sRGB", b"\0")],
        [(b"sRGB", b"\0"), gama(1.0), chrm("P3")],
        [gama(1 / 2.2)],
        [gama(1 / 2.2), chrm("sRGB")],
        [(b"cICP", b"\x01\x0d\0\1"), gama(1.0)],
        [(b"cICP", b"\x01\x01\0\1")],
    ],
)
def test_what_states_srgb_gets_no_profile(chunks: list[tuple[bytes, bytes]]) -> None:
    photo = read_chunks(*chunks)
    assert photo.icc_profile is None and photo.notes == ()


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ((b"cICP", b"\x09\x10\0\1"), r"HDR \(PQ\)"),
        ((b"cICP", b"\x09\x12\0\1"), r"HDR \(HLG\)"),
        ((b"cICP", b"\x63\x63\0\1"), "99/99"),
        (gama(0), "gamma is invalid"),
        ((b"cHRM", b"\0" * 32), "chromaticities are invalid"),
    ],
)
def test_what_cannot_be_followed_is_noted(chunk: tuple[bytes, bytes], words: str) -> None:
    photo = read_chunks(chunk)
    np.testing.assert_array_equal(photo.pixels, COLOURS)
    assert photo.icc_profile is None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(photo.notes)


def test_grey_in_a_stated_space_stays_as_it_is() -> None:
    photo = read_photo(png((3, 1), 8, 0, b"\0\0\x80\xff", gama(1.0)))
    assert photo.pixels[0, :, 0].tolist() == [0, 128, 255] and photo.icc_profile is not None
    seen = convert(photo.pixels, photo.icc_profile, None)[0, :, 1]
    np.testing.assert_allclose(seen, 255 * encode(np.array([0, 128, 255]) / 255), atol=1.6)


def test_adobe_rgb_that_a_camera_states_in_exif_only() -> None:
    interop = struct.pack("<HHHI4sI", 1, 1, 2, 4, b"R03\0", 0)
    exif = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x8769, 4, 1, 26, 0)
    exif += struct.pack("<HHHIII", 1, 0xA005, 4, 1, 44, 0) + interop
    photo = read_photo(encoded(LETTER, "JPEG", exif=b"Exif\0\0" + exif, quality=100))
    assert photo.icc_profile == adobe_rgb()
    seen = convert(COLOURS, photo.icc_profile, None)
    np.testing.assert_allclose(seen, carried(COLOURS, "Adobe", "sRGB", (563 / 256, 0)), atol=1.6)


@pytest.mark.parametrize("space", ["P3", "BT.2020", "Adobe"])
def test_colours_are_carried_there_and_back(space: str) -> None:
    points = (WHITE, *POINTS[space])
    profile = rgb_profile(points, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    there = convert(COLOURS, None, profile)
    np.testing.assert_allclose(there, carried(COLOURS, "sRGB", space), atol=1.6)
    np.testing.assert_allclose(convert(there, profile, None), COLOURS, atol=2)
    assert convert(COLOURS, profile, profile) is COLOURS
    assert is_two_way(profile) and is_two_way(SRGB)
    read = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    assert read.xcolor_space.strip() == "RGB" and read.version == pytest.approx(4.3)


def test_a_profile_that_leads_one_way_only_is_applied() -> None:
    """A scanner's: colours can be carried out of it, but no background into it."""
    identity = bytes(range(256))
    table = bytes(
        value for r in (0, 1) for g in (0, 1) for b in (0, 1)
        for value in (255 if r and g and b else 0, 128, 128)
    )  # fmt: skip
    lut = b"mft1\0\0\0\0" + bytes([3, 3, 2, 0])
    lut += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536) + identity * 3
    one_way = rgb_profile((WHITE, *POINTS["P3"]), (1.0,))
    scanner = bytearray(_with_table(lut + table + identity * 3))
    scanner[12:16] = b"scnr"
    assert is_two_way(one_way) and not is_two_way(bytes(scanner))
    photo = read_photo(
        encoded(np.full((2, 3, 3), 255, np.uint8), "PNG", icc_profile=bytes(scanner))
    )
    assert photo.icc_profile is None
    np.testing.assert_allclose(photo.pixels, 255, atol=1)


def _with_table(lut: bytes) -> bytes:
    from picture_files import profile

    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 63190, 65536, 54061)
    return profile(b"RGB ", b"Lab ", (b"wtpt", white), (b"A2B0", lut))


def test_a_grey_profile_still_leads_to_srgb() -> None:
    data = encoded(LETTER[..., 0], "PNG", icc_profile=linear_grey_profile())
    assert read_photo(data).icc_profile is None


def test_a_pil_image_of_a_png_states_its_space_too() -> None:
    from vx_detectron.image_io import as_photo

    data = png((5, 1), 8, 2, rows_of(COLOURS), gama(1.0))
    assert as_photo(Image.open(io.BytesIO(data))).icc_profile == read_chunks(gama(1.0)).icc_profile


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_the_numbers_of_an_nclx_box_count(format: str) -> None:
    image = Image.new("RGB", (64, 64), (200, 40, 30))
    if format == "AVIF":
        data = encoded(image, "AVIF", quality=100, subsampling="4:4:4")
    else:
        pillow_heif = pytest.importorskip("pillow_heif")
        file = io.BytesIO()
        pillow_heif.from_pillow(image).save(file, quality=100, chroma=444)
        data = file.getvalue()
    assert read_photo(data).icc_profile is None
    place = data.index(b"colrnclx") + 8
    stated = data[:place] + struct.pack(">HH", 12, 13) + data[place + 4 :]
    photo = read_photo(stated)
    assert photo.icc_profile is not None
    seen = convert(photo.pixels, photo.icc_profile, None)[32, 32]
    wanted = carried(np.array([[[200, 40, 30]]], dtype=np.uint8), "P3", "sRGB")[0, 0]
    np.testing.assert_allclose(seen, wanted, atol=6)
