"""What a PNG says beside its pixels: colour space and colour key, read from the chunks themselves.

Pillow refuses a PNG whose text or profile unpacks to more than a mebibyte, does not know ``cICP``,
and compares a colour key with samples that it has rounded or scaled. So the chunks are read here,
and what Pillow would stumble over never reaches it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from vx_detectron.image_io.profiles import from_code_points, from_gamma

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_PLAIN_XMP = b"XML:com.adobe.xmp\0\0"  # not packed; it may hold the orientation
_PIXELS = (b"IDAT", b"fdAT", b"IEND")
_LONGEST_XMP = 2**20  # bytes
_LONGEST_PROFILE = 16 * 2**20  # bytes, unpacked
_SRGB_GAMMA = (45_455).to_bytes(4, "big")
_GREY, _RGB = 0, 2  # colour types that can have a colour key


@dataclass(frozen=True)
class PngFacts:
    """What the chunks before the pixels say.

    Attributes:
        bits: per sample.
        colour: the colour type, such as 2 for RGB.
        key: the colour that is transparent, one sample or three, as stored; None for none.
        icc_profile: of the colours, embedded or made from ``cICP``, ``gAMA`` and ``cHRM``; None
            for sRGB.
        note: why a statement about the colours was not followed; empty otherwise.
    """

    bits: int
    colour: int
    key: tuple[int, ...] | None = None
    icc_profile: bytes | None = None
    note: str = ""


def without_text(stream: IO[bytes], *, head: bool = False) -> bytes:
    """A PNG without its texts and its colour profile, and as it was otherwise.

    Args:
        stream: the file, from its first byte.
        head: stop where the pixels begin: enough to open the picture, not to decode it.
    """
    kept = [stream.read(len(_SIGNATURE))]
    while len(start := stream.read(8)) == 8:
        length, kind = int.from_bytes(start[:4], "big"), start[4:]
        if head and kind in _PIXELS:
            kept.append(start)
            break
        if kind == b"iCCP" or (kind in _TEXT and length > _LONGEST_XMP):
            stream.seek(length + 4, io.SEEK_CUR)
            continue
        body = stream.read(length + 4)
        if kind not in _TEXT or body.startswith(_PLAIN_XMP):
            kept += [start, body]
    else:
        kept.append(start)
    return b"".join(kept)


def png_facts(data: bytes) -> PngFacts:
    """Read the chunks before the pixels. ``data`` is a PNG that Pillow could open.

    The first that is there decides about colours, as the PNG specification has it: ``cICP``,
    ``iCCP``, ``sRGB``, ``gAMA`` and ``cHRM``.
    """
    chunks = dict(reversed(list(_chunks(data))))  # of several, the first
    bits, colour = chunks[b"IHDR"][8], chunks[b"IHDR"][9]
    key = chunks.get(b"tRNS", b"")
    samples = {_GREY: 1, _RGB: 3}.get(colour, 0)
    values = None
    if samples and len(key) >= 2 * samples:
        stored = struct.unpack_from(f">{samples}H", key)
        values = tuple(value & ((1 << bits) - 1) for value in stored)
    icc_profile, note = _colour_space(chunks)
    return PngFacts(bits, colour, values, icc_profile, note)


def key_alpha(data: bytes, image: Image.Image, facts: PngFacts) -> NDArray[np.uint8] | None:
    """Alpha from the colour key, uint8 (H, W), compared at the full depth; None without a key.

    Args:
        data: the file that the picture was decoded from.
        image: the decoded picture.
        facts: of the same file.
    """
    if facts.key is None or image.mode not in ("1", "L", "I;16", "RGB"):
        return None
    samples = np.asarray(image)
    key = np.array(facts.key)
    if image.mode == "RGB" and facts.bits == 16:
        # Pillow keeps the upper bytes; read as little-endian, the lower ones are the upper.
        low = PngImageFile(io.BytesIO(data), "")
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
        equal = (samples == key >> 8) & (np.asarray(low) == key & 255)
    elif facts.bits < 8:
        equal = samples.astype(np.uint8) == (key if image.mode == "1" else _widened(key, facts))
    else:
        equal = samples == key
    if equal.ndim == 3:
        equal = equal.all(axis=2)
    return np.where(equal, np.uint8(0), np.uint8(255))


def _widened(key: NDArray[np.int64], facts: PngFacts) -> NDArray[np.int64]:
    """A sample of 2 or 4 bits as Pillow spreads it over 0..255."""
    return key * 255 // ((1 << facts.bits) - 1)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk before the pixels."""
    place = len(_SIGNATURE)
    while place + 8 <= len(data):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if kind in _PIXELS:
            return
        if kind not in _TEXT:
            yield kind, data[place + 8 : place + 8 + length]
        place += length + 12


def _colour_space(chunks: dict[bytes, bytes]) -> tuple[bytes | None, str]:
    """The ICC profile of the colours, None for sRGB, and why a statement was not followed."""
    code_points = chunks.get(b"cICP", b"")
    if len(code_points) >= 4:
        return from_code_points(code_points[0], code_points[1])
    if b"iCCP" in chunks:
        return _unpacked_profile(chunks[b"iCCP"])
    if b"sRGB" in chunks or not {b"gAMA", b"cHRM"} & chunks.keys():
        return None, ""
    gamma = int.from_bytes(chunks.get(b"gAMA", _SRGB_GAMMA)[:4], "big") / 100_000
    primaries = chunks.get(b"cHRM", b"")
    numbers = struct.unpack_from(">8I", primaries) if len(primaries) >= 32 else ()
    return from_gamma(gamma, [number / 100_000 for number in numbers])


def _unpacked_profile(chunk: bytes) -> tuple[bytes | None, str]:
    _, _, packed = chunk.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], _LONGEST_PROFILE)
    except zlib.error:
        return None, "its colour profile is broken and was ignored"
    if len(profile) == _LONGEST_PROFILE:
        return None, f"its colour profile is longer than {_LONGEST_PROFILE:,} bytes and was ignored"
    return profile or None, ""
