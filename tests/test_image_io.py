"""Reading photos: from any source, within limits, of any format, whole or damaged."""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import LETTER, SRGB, Pixels, encoded, odd_cmyk_profile, png, tiff
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.image_io import SUPPORTED_SUFFIXES, Photo, read_photo


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom file permissions bind, also when root runs the tests."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


# --- sources -----------------------------------------------------------------------------------


def test_every_kind_of_source_gives_the_same_photo(tmp_path: Path) -> None:
    data = encoded(LETTER, "PNG")
    path = tmp_path / "letter.png"
    path.write_bytes(data)
    with open(path, "rb") as buffered, open(path, "rb", buffering=0) as raw:
        photos = [read_photo(s) for s in (path, str(path), data, io.BytesIO(data), buffered, raw)]
    for photo in photos:
        np.testing.assert_array_equal(photo.pixels, LETTER)
        assert photo.pixels.dtype == np.uint8 and photo.pixels.flags.c_contiguous
        assert (photo.format, photo.frames, photo.had_alpha, photo.notes) == ("PNG", 1, False, ())
        assert (photo.icc_profile, photo.dpi) == (None, None)
    assert [photo.source for photo in photos] == [
        *(str(path), str(path), "the data", "the data"),
        *(str(path), str(path)),
    ]


def test_photos_of_the_world(astronaut: Pixels, chelsea: Pixels) -> None:
    for pixels in (astronaut, chelsea):
        np.testing.assert_array_equal(read_photo(encoded(pixels, "PNG")).pixels, pixels)
        loss = read_photo(encoded(pixels, "JPEG", quality=95)).pixels.astype(int) - pixels
        assert 0 < np.abs(loss).mean() < 3


def test_a_stream_is_read_from_where_it_stands() -> None:
    stream = io.BytesIO(b"before" + encoded(LETTER, "BMP"))
    stream.seek(6)
    np.testing.assert_array_equal(read_photo(stream).pixels, LETTER)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "not a photo"),
        (b"%PDF-1.4", "not a photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a photo"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "not a photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not a photo"),
        (b"BM, a car maker's letters", "damaged"),
        (b"P6 picture", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged"),
    ],
)
def test_what_is_no_photo(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        read_photo(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(LETTER, "PNG"))
    assert read_photo(path).format == "PNG"


def test_missing_files_folders_and_odd_paths(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.png: cannot be read: No such file"):
        read_photo(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_photo(tmp_path)
    with pytest.raises(ImageError, match="null"):
        read_photo("a\0b.png")
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ImageError, match="closed"):
        read_photo(closed)
    with pytest.raises(TypeError, match="stream of bytes"):
        read_photo(io.StringIO("text"))  # type: ignore[arg-type]


def test_a_dangling_link_is_missing(tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "vanished.png")
    with pytest.raises(ImageError, match="No such file"):
        read_photo(link)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="pipe"):
        read_photo(tmp_path / "pipe.png")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs Unix permissions")
def test_a_file_without_permission() -> None:
    folder = Path(os.path.realpath(os.environ.get("TMPDIR", "/tmp")))
    path = folder / f"vx-test-{os.getpid()}.png"
    path.write_bytes(encoded(LETTER, "PNG"))
    try:
        path.chmod(0)
        with unprivileged(), pytest.raises(ImageError, match="Permission denied"):
            read_photo(path)
    finally:
        path.unlink()


def test_a_name_can_be_given_and_is_safe_to_print() -> None:
    with pytest.raises(ImageError) as caught:
        read_photo(b"", name="up\x1b[2Jload\udcff.png")
    assert str(caught.value).startswith("up\ufffd[2Jload\ufffd.png: ")


# --- limits ------------------------------------------------------------------------------------


def huge(format: str) -> bytes:
    """A tiny file that declares 20000 x 20000 pixels (WebP: 16383 x 16383)."""
    side = 20_000
    if format == "PNG":
        return png((side, side), 8, 2, b"\0" * 100)
    if format == "TIFF":
        return tiff({256: side, 257: side}, b"\0")
    if format == "PPM":
        return b"P6 20000 20000 255\n"
    if format == "WEBP":
        small = encoded(Image.new("RGBA", (1, 1)), "WEBP", lossless=True)
        at = small.index(b"VP8L") + 9  # 14 bits each of width - 1 and height - 1
        return small[:at] + struct.pack("<I", 16382 | 16382 << 14 | 1 << 28) + small[at + 4 :]
    file = bytearray(encoded(LETTER, format))
    if format == "GIF":
        file[6:10] = struct.pack("<HH", side, side)
    if format == "BMP":
        file[18:26] = struct.pack("<ii", side, side)
    if format == "JPEG":
        at = file.index(b"\xff\xc0") + 5
        file[at : at + 4] = struct.pack(">HH", side, side)
    return bytes(file)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM", "WEBP", "GIF", "BMP", "JPEG"])
def test_a_huge_picture_is_refused_before_it_takes_memory(format: str) -> None:
    resource = pytest.importorskip("resource")
    data = huge(format)
    assert len(data) < 2000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="at most 100,000,000") as caught:
        read_photo(data)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000 * (1024 if sys.platform == "darwin" else 1)  # decoded: over 400 MB
    if format != "WEBP":  # Pillow itself stops that one
        assert "20000 x 20000" in str(caught.value)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "GIF", "JPEG"])
def test_our_limit_counts_and_pillow_does_not_warn(
    monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)  # warns above 4, gives up above 8
    data = encoded(LETTER, format)
    assert read_photo(data, max_pixels=6).pixels.shape == (2, 3, 3)
    with pytest.raises(ImageError, match="3 x 2 = 6 pixels, expected at most 5"):
        read_photo(data, max_pixels=5)


def test_the_length_of_a_file_is_limited() -> None:
    data = encoded(LETTER, "PNG")
    assert read_photo(data, max_bytes=len(data)).pixels.shape == (2, 3, 3)
    with pytest.raises(ImageError, match=f"larger than {len(data) - 1} bytes"):
        read_photo(data, max_bytes=len(data) - 1)
    with pytest.raises(ImageError, match="larger than 10 bytes"):
        read_photo(io.BytesIO(data), max_bytes=10)


# --- formats -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "AVIF"])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 1)])
def test_lossless_formats_and_tiny_pictures(format: str, size: tuple[int, int]) -> None:
    width, height = size
    ramp = np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3) * 4
    options: dict[str, Any] = {}
    if format == "WEBP":
        options = {"lossless": True}
    if format == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4"}
    photo = read_photo(encoded(ramp, format, **options))
    assert photo.format == format
    np.testing.assert_allclose(photo.pixels, ramp, atol=3 if format == "AVIF" else 0)


def test_jpeg_of_one_pixel() -> None:
    photo = read_photo(encoded(Image.new("RGB", (1, 1), (200, 30, 60)), "JPEG", quality=100))
    np.testing.assert_allclose(photo.pixels, [[[200, 30, 60]]], atol=3)


def test_heif() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    image = Image.new("RGB", (64, 32), (200, 30, 60))
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    photo = read_photo(buffer.getvalue())
    assert photo.format == "HEIF" and photo.pixels.shape == (32, 64, 3)
    np.testing.assert_allclose(photo.pixels, np.array(image), atol=4)


def test_heif_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"a\.heic: HEIF photos need the package pillow-heif"):
        read_photo(b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf", name="a.heic")


def test_of_a_phones_jpeg_with_more_pictures_the_first_counts() -> None:
    other = Image.new("RGB", (3, 2))
    data = encoded(LETTER, "MPO", save_all=True, append_images=[other], quality=100)
    photo = read_photo(data)
    assert (photo.format, photo.frames, photo.notes) == ("JPEG", 1, ())
    np.testing.assert_array_equal(
        photo.pixels, read_photo(encoded(LETTER, "JPEG", quality=100)).pixels
    )


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_shows_its_first_frame_and_says_so(format: str) -> None:
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "lime", "blue")]
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    photo = read_photo(data)
    assert photo.frames == 3
    assert photo.notes == ("only the first of the 3 pictures in the file is used",)
    np.testing.assert_array_equal(photo.pixels, np.full((4, 5, 3), (255, 0, 0)))


def test_a_cameras_raw_file_is_not_taken_for_its_thumbnail() -> None:
    for tags in ({254: 1}, {50706: 1}):
        with pytest.raises(ImageError, match="preview"):
            read_photo(tiff(tags, b"\x80"))
    assert read_photo(tiff({254: 0}, b"\x80")).pixels.tolist() == [[[128, 128, 128]]]


def test_suffixes_cover_what_can_be_read() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".heic", ".avif"} <= SUPPORTED_SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUPPORTED_SUFFIXES)
    assert not SUPPORTED_SUFFIXES & {".jp2", ".pdf", ".svg", ".txt", ".json", ".part"}


# --- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_truncated_jpeg_is_never_half_a_picture(options: dict[str, Any], coffee: Pixels) -> None:
    data = encoded(coffee[::8, ::8], "JPEG", **options)
    for length in range(4, len(data), 37):
        with pytest.raises(ImageError, match="damaged, incomplete or unsupported JPEG"):
            read_photo(data[:length])
        with pytest.raises(ImageError, match="damaged, incomplete or unsupported JPEG"):
            read_photo(data[:length].ljust(len(data), b"\0"))  # a download that never ended


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "AVIF"])
def test_other_truncated_files(format: str, coffee: Pixels) -> None:
    data = encoded(coffee[::8, ::8], format)
    whole = read_photo(data).pixels
    for length in (*range(20, len(data), len(data) // 25), len(data) - 1):
        try:
            photo = read_photo(data[:length])
        except ImageError:
            continue
        assert length > 0.98 * len(data)  # only what follows the last pixel was missing
        np.testing.assert_array_equal(photo.pixels, whole)


def seeds() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[274] = 6
    clear = Image.fromarray(np.dstack([LETTER, LETTER[:, :, 0]]))
    flat = Image.fromarray(LETTER)
    return {
        "jpeg": encoded(flat, "JPEG", exif=exif, icc_profile=SRGB),
        "cmyk": encoded(flat.convert("CMYK"), "JPEG", icc_profile=odd_cmyk_profile()),
        "png": encoded(clear, "PNG", exif=exif, icc_profile=SRGB, dpi=(300, 300)),
        "palette": encoded(flat.quantize(6), "PNG", transparency=bytes([0, 128, 255])),
        "gif": encoded(flat, "GIF", save_all=True, append_images=[flat.rotate(180)]),
        "webp": encoded(clear, "WEBP", exif=exif, icc_profile=SRGB),
        "tiff": encoded(clear, "TIFF", dpi=(300, 300), icc_profile=SRGB),
        "bmp": encoded(flat, "BMP"),
        "ppm": encoded(flat, "PPM"),
        "avif": encoded(clear, "AVIF"),
    }


SEEDS = seeds()


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_bytes_give_a_photo_or_an_image_error(
    seed: str, damage: list[tuple[float, int]]
) -> None:
    data = bytearray(SEEDS[seed])
    for place, byte in damage:
        data[int(place * (len(data) - 1))] = byte
    try:
        photo = read_photo(bytes(data), max_pixels=100_000)
    except ImageError as error:
        assert str(error).startswith("the data: ")
    else:
        assert photo.pixels.dtype == np.uint8 and photo.pixels.shape[2] == 3


# --- the record --------------------------------------------------------------------------------


def test_the_record_is_frozen_and_checked() -> None:
    photo = read_photo(encoded(LETTER, "PNG"))
    with pytest.raises(FrozenInstanceError):
        photo.source = "other"  # type: ignore[misc]
    for wrong in (LETTER[:, :, 0], LETTER.astype(float), LETTER[:0], np.dstack([LETTER, LETTER])):
        with pytest.raises(ValueError, match="pixels must be uint8 of shape HxWx3"):
            Photo(wrong, "x", "PNG")
