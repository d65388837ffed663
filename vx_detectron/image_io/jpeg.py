"""A JPEG that lost its end: whole in spite of it, or really cut short."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

_END, _SCAN = 0xD9, 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # tables and the like among the markers of frames
_MARKER = re.compile(rb"\xff+[^\x00\xff]", re.DOTALL)
_FILLERS = (b"", b"\xaa\x55" * 2048, b"\x55\xaa" * 2048)


def has_end(data: bytes) -> bool:
    """Whether the JPEG's end mark is there; zeros in place of the rest may decode as well."""
    last = data.endswith(bytes([0xFF, _END]))  # as nearly always: then nothing is searched
    return last or any(marker == _END for marker, _ in _segments(data))


def with_end(data: bytes) -> bytes | None:
    """The JPEG with the end mark that it lacks; None where it lacks more.

    Whether pixels are missing shows in what a decoder makes of them: it takes whatever follows for
    the rest of the picture. Only where all are there, what follows changes nothing.

    Args:
        data: a JPEG without an end mark.
    """
    body = data.rstrip(b"\xff")
    if body.endswith(b"\0\0") or not _scans_are_complete(body):
        return None  # zeros: a download that never ended
    mark = bytes([0xFF, _END])
    first, *others = (_pixels(body + filler + mark) for filler in _FILLERS)
    if first is None or any(one is None or not np.array_equal(one, first) for one in others):
        return None
    return body + mark


def _pixels(data: bytes) -> NDArray[np.uint8] | None:
    try:
        return np.asarray(JpegImageFile(io.BytesIO(data), ""))
    except Exception:  # a decoder fed hostile bytes may raise anything at all
        return None


def _scans_are_complete(data: bytes) -> bool:
    """Whether a progressive JPEG's scans bring every coefficient to its last bit."""
    known: dict[tuple[int, int], int] = {}
    components: list[int] = []
    for marker, body in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            if marker not in _PROGRESSIVE:
                return True
            components = [body[6 + 3 * index] for index in range(body[5])]
        elif marker == _SCAN:
            chosen, (first, last, bits) = body[1 : 1 + 2 * body[0] : 2], body[1 + 2 * body[0] :][:3]
            for one in chosen:
                known |= {(one, place): bits & 15 for place in range(first, min(last, 63) + 1)}
    return bool(components) and all(
        known.get((one, place)) == 0 for one in components for place in range(64)
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment up to the end mark; scans' own data is passed over."""
    place = 2
    while found := _MARKER.search(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker == _END:
            yield marker, b""
            return
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        yield marker, data[place + 2 : place + length]
        place += max(length, 2)
