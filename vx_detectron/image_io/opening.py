"""From bytes to an opened picture, its size checked before it is decoded; ImageError else."""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from vx_detectron.errors import ImageError
from vx_detectron.image_io.formats import format_of, opener_of
from vx_detectron.image_io.names import Readable, reason

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20  # a 16-bit RGB TIFF of 80 megapixels fits

_TIFF_SUBFILE, _TIFF_DNG_VERSION = 254, 50706


def read_bytes(source: Readable, max_bytes: int) -> bytes:
    """The whole file, unless it is longer than allowed."""
    stream: IO[bytes]
    try:
        if isinstance(source, str | os.PathLike):
            expect_file(os.stat(source).st_mode)
            with open(source, "rb") as stream:
                return _read_stream(stream, max_bytes)
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        return _read_stream(stream, max_bytes)
    except (OSError, ValueError) as error:  # ValueError: a null in the path, or a closed stream
        raise ImageError(f"cannot be read: {reason(error)}") from error


def expect_file(mode: int) -> None:
    """ImageError unless a file's mode, as ``os.stat`` gives it, is that of a regular file."""
    if stat.S_ISDIR(mode):
        raise ImageError("is a folder, expected a photo")
    if not stat.S_ISREG(mode):  # opening a pipe could wait for ever
        raise ImageError("is a pipe or a device, expected a photo; pass an open stream instead")


def _read_stream(stream: IO[bytes], max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    left = max_bytes
    while chunk := stream.read(1 << 20):
        if not isinstance(chunk, bytes):
            raise TypeError(f"expected a stream of bytes, got one of {type(chunk).__name__}")
        left -= len(chunk)
        if left < 0:
            raise ImageError(
                f"is larger than {max_bytes:,} bytes, the most that is read here; make it smaller"
            )
        chunks.append(chunk)
    return b"".join(chunks)


def kind_of(data: bytes) -> str:
    """The format by content; ImageError when it is none that is read here."""
    if not data:
        raise ImageError("is empty (0 bytes), expected a photo")
    kind = format_of(data)
    if kind is None:
        raise ImageError(
            "is not a photo of a known format, whatever its name says; expected JPEG, PNG, WebP, "
            "TIFF, BMP, GIF, PPM, AVIF or HEIF"
        )
    return kind


def decode(data: bytes, max_pixels: int) -> tuple[ImageFile, str]:
    """The decoded first picture, and its format."""
    kind = kind_of(data)
    with decoder_errors(kind, max_pixels):
        image = open_header(io.BytesIO(data), kind, max_pixels)
        image.load()
    return image, kind


def open_header(stream: IO[bytes], kind: str, max_pixels: int) -> ImageFile:
    """The picture before its pixels are decoded; within ``decoder_errors``."""
    image = opener_of(kind)(stream, "")
    expect_size(image.size, max_pixels)
    _expect_more_than_preview(image)
    return image


@contextmanager
def decoder_errors(kind: str, max_pixels: int) -> Iterator[None]:
    """Any error as ImageError: a decoder fed hostile bytes may raise anything at all."""
    try:
        with warnings.catch_warnings():
            # TIFF repeats Pillow's own, lower size warning, after ours has let the photo pass.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"is too large, expected at most {max_pixels:,} pixels") from error
    except MemoryError as error:
        raise ImageError("does not fit into this machine's memory; make it smaller") from error
    except Exception as error:
        raise ImageError(
            f"is a damaged, incomplete or unsupported {kind} file ({reason(error)}); "
            "open it in a picture editor and save it again"
        ) from error


def expect_size(size: tuple[int, int], max_pixels: int) -> None:
    """ImageError unless a width and height are above 0 and allowed together."""
    width, height = size
    if not width * height:
        raise ImageError(f"has no pixels ({width} x {height}), expected a photo")
    if width * height > max_pixels:
        raise ImageError(
            f"has {width} x {height} = {width * height:,} pixels, expected at most "
            f"{max_pixels:,}; make it smaller"
        )


def _expect_more_than_preview(image: ImageFile) -> None:
    """Refuse a camera's raw file: as TIFF it opens, but to a thumbnail of the photo."""
    if not isinstance(image, TiffImageFile):
        return
    reduced = image.tag_v2.get(_TIFF_SUBFILE, 0) == 1
    if reduced or _TIFF_DNG_VERSION in image.tag_v2:
        raise ImageError(
            "holds a preview first, as a camera's raw file does; export the photo as JPEG or TIFF"
        )
