"""Good files that others refuse: long texts and profiles, no end mark, blank first frames."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import LETTER, SRGB, Pixels, encoded, png
from PIL import Image, PngImagePlugin

from vx_detectron.errors import ImageError
from vx_detectron.image_io import read_photo, read_size, write_picture

ROWS = b"".join(b"\0" + row.tobytes() for row in LETTER)
LONG = b"a long story " * 400_000  # 5 MB
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"/></rdf:RDF></x:xmpmeta>'
)


# --- PNG ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"Comment\0" + LONG),
        (b"zTXt", b"Comment\0\0" + zlib.compress(LONG)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(LONG)),
        (b"iTXt", b"Comment\0\0\0\0\0" + LONG),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LONG),
    ],
    ids=["text", "packed", "international packed", "international", "xmp packed", "xmp"],
)
def test_long_texts_in_a_png_do_no_harm(tmp_path: Path, chunk: tuple[bytes, bytes]) -> None:
    data = png((3, 2), 8, 2, ROWS, *[chunk] * 20)
    # And behind the pixels, where Pillow looks too.
    late = struct.pack(">I", len(chunk[1])) + b"".join(chunk)
    late += struct.pack(">I", zlib.crc32(b"".join(chunk)))
    data = data[:-12] + late + data[-12:]
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert photo.notes == ()
    path = tmp_path / "long.png"
    path.write_bytes(data)
    assert read_size(path) == (2, 3)


def test_an_orientation_in_xmp_still_counts() -> None:
    data = png((3, 2), 8, 2, ROWS, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))
    np.testing.assert_array_equal(read_photo(data).pixels, LETTER[::-1, ::-1])


def long_profile(size: int) -> bytes:
    """SRGB with a private tag of noise, so that packing does not make it short."""
    noise = np.random.default_rng(0).bytes(size)
    count = struct.unpack(">I", SRGB[128:132])[0]
    table = [struct.unpack(">4sII", SRGB[132 + 12 * n : 144 + 12 * n]) for n in range(count)]
    moved = [(name, at + 12, length) for name, at, length in table]
    moved.append((b"nois", len(SRGB) + 12, len(noise)))
    head = struct.pack(">I", len(SRGB) + 12 + len(noise)) + SRGB[4:128]
    entries = b"".join(struct.pack(">4sII", *one) for one in moved)
    return head + struct.pack(">I", count + 1) + entries + SRGB[132 + 12 * count :] + noise


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tiff"])
def test_our_writer_makes_nothing_that_our_reader_refuses(format: Any) -> None:
    profile = long_profile(3 * 2**20)
    photo = read_photo(encoded(LETTER, "JPEG", icc_profile=profile))
    assert photo.icc_profile == profile
    file = io.BytesIO()
    write_picture(file, photo.pixels, format=format, icc_profile=photo.icc_profile)
    assert read_photo(file.getvalue()).icc_profile == profile


def test_a_profile_without_end_costs_nothing_but_itself() -> None:
    bomb = zlib.compress(b"\0" * 100 * 2**20)
    photo = read_photo(png((3, 2), 8, 2, ROWS, (b"iCCP", b"icc\0\0" + bomb)))
    np.testing.assert_array_equal(photo.pixels, LETTER)
    assert photo.icc_profile is None and "longer than" in photo.notes[0]


def test_pillows_own_limits_stay_as_they_are() -> None:
    assert PngImagePlugin.MAX_TEXT_CHUNK == 2**20


# --- JPEG --------------------------------------------------------------------------------------

JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "full colour": {"subsampling": 0, "quality": 100},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_only_its_end_mark(
    options: dict[str, Any], missing: int, coffee: Pixels
) -> None:
    data = encoded(coffee[::4, ::4], "JPEG", **options)
    photo = read_photo(data[:-missing])
    np.testing.assert_array_equal(photo.pixels, read_photo(data).pixels)
    assert photo.notes == ("its end marker is missing, but all pixels are there",)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_that_lacks_more_is_refused(options: dict[str, Any], coffee: Pixels) -> None:
    data = encoded(coffee[::4, ::4], "JPEG", **options)
    for missing in (4, 5, 6, 8, 12, 20, 50, 200, len(data) // 2):
        for end in (b"", b"\0" * missing, b"\xff" * missing):
            with pytest.raises(ImageError, match="damaged, incomplete or unsupported JPEG"):
                read_photo(data[:-missing] + end)


def test_a_progressive_jpeg_without_its_last_scans_is_refused(coffee: Pixels) -> None:
    data = encoded(coffee[::4, ::4], "JPEG", progressive=True)
    scans = [match.start() for match in re.finditer(b"\xff\xda", data)]
    assert len(scans) > 3
    for start in scans[1:]:
        table = data.rfind(b"\xff\xc4", 0, start)  # the scan's own Huffman table
        with pytest.raises(ImageError, match="damaged, incomplete"):
            read_photo(data[: table if table > scans[0] else start])


# --- limits ------------------------------------------------------------------------------------


def test_too_large_a_photo_learns_which_option_to_raise(tmp_path: Path) -> None:
    data = encoded(LETTER, "PNG")
    with pytest.raises(ImageError, match=r"raise the limit .*VX\.INPUT\.MAX_PIXELS"):
        read_photo(data, max_pixels=5)
    with pytest.raises(ImageError, match=r"raise the limit .*VX\.INPUT\.MAX_BYTES"):
        read_photo(data, max_bytes=5)
    path = tmp_path / "letter.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"VX\.INPUT\.MAX_PIXELS"):
        read_size(path, max_pixels=5)


# --- animations --------------------------------------------------------------------------------


def animation(format: str, *frames: Image.Image) -> bytes:
    options: dict[str, Any] = {
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }.get(format, {})
    rest = list(frames[1:])
    return encoded(frames[0], format, save_all=True, append_images=rest, duration=50, **options)


def two_colours(colour: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (40, 30), (0, 0, 0))
    picture.paste(colour, (10, 10, 30, 20))
    return picture


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_that_shows_something_counts(format: str) -> None:
    blank = Image.new("RGB", (40, 30), "white")
    shown = two_colours((255, 0, 0))
    photo = read_photo(animation(format, blank, shown, two_colours((0, 255, 0))))
    assert photo.frames == 3
    np.testing.assert_allclose(photo.pixels, np.array(shown), atol=12 if format == "AVIF" else 0)
    assert photo.notes == (
        "only picture 2, the first that is not blank, of the 3 pictures in the file is used",
    )


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_a_transparent_first_frame_is_blank(format: str) -> None:
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    shown = two_colours((255, 0, 0)).convert("RGBA")
    photo = read_photo(animation(format, clear, shown))
    np.testing.assert_array_equal(photo.pixels, np.array(shown.convert("RGB")))
    assert photo.notes[0].startswith("only picture 2")


def test_where_all_frames_are_blank_the_first_is_read() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    photo = read_photo(animation("GIF", *frames))
    assert photo.pixels[0, 0].tolist() == [255, 0, 0]
    assert photo.notes == ("only the first of the 3 pictures in the file is used",)


def test_a_damaged_second_frame_costs_nothing_but_itself() -> None:
    data = animation("GIF", Image.new("RGB", (40, 30), "white"), two_colours((255, 0, 0)))
    photo = read_photo(data[: len(data) - 40])
    assert photo.pixels.shape == (30, 40, 3)
