"""Picture files for the tests, most of them written out byte by byte, and a disk that fills up."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# No turn or mirror image of it equals another.
LETTER = np.array(
    [
        [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
        [[10, 20, 30], [40, 50, 60], [70, 80, 90]],
    ],
    dtype=np.uint8,
)


def encoded(image: Image.Image | Pixels, format: str, **options: Any) -> bytes:
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png(
    size: tuple[int, int], bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG by hand. ``rows``: each row's samples, big-endian, after its filter byte 0."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
    every = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in every
    )


def tiff(tags: dict[int, int], samples: bytes, order: str = "<") -> bytes:
    """An uncompressed one-strip TIFF by hand; ``tags`` are shorts and override the usual ones."""
    shorts = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 277: 1, 278: 1, 279: len(samples)} | tags
    start = 8 + 2 + 12 * (len(shorts) + 1) + 4
    entries = sorted([*shorts.items(), (273, start)])
    directory = b"".join(struct.pack(order + "HHIHxx", tag, 3, 1, value) for tag, value in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + directory + b"\0\0\0\0" + samples


def profile(space: bytes, connection: bytes, *tags: tuple[bytes, bytes]) -> bytes:
    """An ICC profile, version 2.1, by hand."""
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s", offset + len(body), b"test", 0x02100000, b"prtr", space, connection
    )
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3I", 63190, 65536, 54061)  # D50
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def linear_grey_profile() -> bytes:
    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)  # no points: the identity
    return profile(b"GRAY", b"XYZ ", (b"wtpt", white), (b"kTRC", curve))


def odd_cmyk_profile() -> bytes:
    """No ink is white, cyan alone is L* = 40 % grey, every other mixture is black."""
    identity = bytes(range(256))
    corners = bytearray(b"\x00\x80\x80" * 16)  # Lab black; cyan varies slowest
    corners[0:3] = b"\xff\x80\x80"
    corners[8 * 3 : 8 * 3 + 3] = b"\x66\x80\x80"
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += identity * 4 + bytes(corners) + identity * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 63190, 65536, 54061)
    return profile(b"CMYK", b"Lab ", (b"wtpt", white), (b"A2B0", table))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """A disk that is full after that many bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
