"""From bytes to an opened picture; its size is checked before decoding. ImageError otherwise."""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile

from vx_detectron.errors import ImageError
from vx_detectron.image_io.formats import format_of, opener_of
from vx_detectron.image_io.jpeg import has_end, with_end
from vx_detectron.image_io.names import Readable, reason
from vx_detectron.image_io.png import without_text

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20  # a 16-bit RGB TIFF of 80 megapixels fits
_LIMIT = "the configuration's VX.INPUT.MAX_{0}, or VX_MAX_{0} of a server"


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
    if not stat.S_ISREG(mode):  # opening a pipe could wait forever
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
                f"is larger than {max_bytes:,} bytes, the limit; make it smaller, "
                f"or raise the limit ({_LIMIT.format('BYTES')})"
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
            "is not a photo of a known format, despite its name; expected JPEG, PNG, WebP, "
            "TIFF, BMP, GIF, PPM, AVIF or HEIF"
        )
    return kind


@dataclass(frozen=True)
class Decoded:
    """A file's first picture, with its pixels.

    Attributes:
        image: loaded.
        kind: its format, as ``kind_of`` names it, or another word for what is no file.
        data: the file that it came from, mended where that was needed; empty for none.
        notes: what was mended.
    """

    image: Image.Image
    kind: str
    data: bytes = b""
    notes: tuple[str, ...] = ()


def decode(data: bytes, max_pixels: int) -> Decoded:
    """The first picture in a file."""
    kind = kind_of(data)
    with decoder_errors(kind, max_pixels):
        notes: tuple[str, ...] = ()
        image = open_header(io.BytesIO(data), kind, max_pixels)
        if kind == "JPEG" and not has_end(data):
            mended = with_end(data)
            if mended is None:
                raise OSError("it ends in the middle of the picture")
            data, notes = mended, ("its end marker is missing, but all pixels are there",)
            image = open_header(io.BytesIO(data), kind, max_pixels)
        size = image.size
        image.load()
        notes += getattr(image, "notes", ())
    if image.size != size:  # which was the one that was checked
        raise ImageError(
            f"is damaged: its head says {size[0]} x {size[1]} pixels, but it holds "
            f"{image.size[0]} x {image.size[1]}; open it in an image editor and save it again"
        )
    return Decoded(image, kind, data, notes)


def open_header(stream: IO[bytes], kind: str, max_pixels: int) -> ImageFile:
    """The picture before its pixels are decoded; within ``decoder_errors``."""
    if kind == "PNG":
        stream = io.BytesIO(without_text(stream, head=not isinstance(stream, io.BytesIO)))
    image = opener_of(kind)(stream, "")
    expect_size(image.size, max_pixels)
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
        most = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))
        raise ImageError(f"is too large, expected at most {most:,} pixels") from error
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
            f"{max_pixels:,}; make it smaller, or raise the limit ({_LIMIT.format('PIXELS')})"
        )
