"""What the clients of ``load.py`` send: photos of many sizes, and files that are not photos.

Everything is encoded once, before the load begins: the clients must not compete with the server.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import skimage
from PIL import Image

FOLDER = Path(skimage.__file__).parent / "data"
FORMATS = ("JPEG", "PNG", "WEBP")
NAMES = ("astronaut.png", "chelsea.png", "coffee.png")

# The longer side in pixels, and how many of each: as people send them, most are middling.
SIDES = {300: 3, 640: 6, 1280: 6, 2048: 3, 4000: 1}
LARGEST = (4000, 3000)  # 12 megapixels, as phones take them


def photos() -> list[bytes]:
    """Photos from 300 pixels up to 12 megapixels; one that is sent more often is there as often."""
    files = []
    for side, share in SIDES.items():
        for place in range(share):
            with Image.open(FOLDER / NAMES[place % len(NAMES)]) as image:
                photo = image.convert("RGB")
            files.append(
                _encode(photo.resize(_size(photo, side)), ("JPEG", "PNG", "WEBP")[place % 3])
            )
    return files


def largest_photo() -> bytes:
    """The largest of them: 12 megapixels."""
    with Image.open(FOLDER / NAMES[0]) as image:
        return _encode(image.convert("RGB").resize(LARGEST), "JPEG")


def hostile_files(photo: bytes) -> dict[str, bytes]:
    """By name, what the server must refuse, or survive.

    Args:
        photo: a JPEG to spoil.
    """
    zeros = zlib.compress(bytes(2**26), 9)  # 64 MiB of text in 64 KiB
    return {
        "empty": b"",
        "cut short": photo[: len(photo) // 2],
        "noise within": photo[:700] + bytes(range(256)) * 8 + photo[2748:],
        "bomb of pixels": _png(60_000, 60_000),
        "most pixels allowed, no rows": _png(6_300, 6_300),
        "rows without end": _png(6_300, 6_300, b"IDAT", zlib.compress(bytes(6_300 * 18_901), 9)),
        "bomb of text": _png(64, 64, b"zTXt", b"Comment\0\0" + zeros),
        "bomb of a profile": _png(64, 64, b"iCCP", b"icc\0\0" + zeros),
        "header of 8 MB": photo[:2] + (b"\xff\xee\xff\xff" + bytes(65_533)) * 128 + photo[2:],
        "page": b"<!doctype html><script>alert(1)</script>",
        "drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "document": b"%PDF-1.7\n" + photo,
        "archive": b"PK\x03\x04" + bytes(5_000),
        "program": b"\x7fELF" + bytes(5_000),
        "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "picture and archive": photo + b"PK\x03\x04" + bytes(5_000),
        "picture and script": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
        "TIFF that points at itself": b"II*\0\x08\0\0\0\x01\0\0\x01\x04\0\x01\0\0\0"
        + b"\x08\0\0\0" * 2,
    }


def hostile_requests(photo: bytes) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Bodies and headers that are not a form, or that lie about one."""
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n'
    yield photo, {"Content-Type": "image/jpeg"}
    yield photo, {"Content-Type": "multipart/form-data"}
    yield part + b"\r\n" + photo, form  # no end
    yield part * 20_000, form  # headers without end
    yield b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 5_000 + b"--x--", form
    yield b"", {**form, "X-Long": "x" * 300_000}
    yield b"{" * 100_000, {"Content-Type": "application/json"}


def _size(photo: Image.Image, side: int) -> tuple[int, int]:
    scale = side / max(photo.size)
    return round(photo.width * scale), round(photo.height * scale)


def _encode(photo: Image.Image, format: str) -> bytes:
    file = io.BytesIO()
    photo.save(file, format, **({"compress_level": 1} if format == "PNG" else {"quality": 85}))
    return file.getvalue()


def _png(width: int, height: int, kind: bytes = b"IDAT", body: bytes = b"") -> bytes:
    """A PNG of that size whose only chunk beside the header and an empty picture is this one."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (kind, body), (b"IDAT", b""), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
