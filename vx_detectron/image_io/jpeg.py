"""A JPEG that lost its end: whole in spite of it, or really cut short."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

_END, _SCAN = b"\xff\xd9", b"\xff\xda"
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_FILLERS = (b"", b"\xaa\x55" * 2048, b"\x55\xaa" * 2048)


def with_end(data: bytes) -> bytes | None:
    """The JPEG with the end mark that it lacks; None where it lacks more, or nothing.

    Whether pixels are missing shows in what a decoder makes of them: it takes whatever follows for
    the rest of the picture. Only where all are there, what follows changes nothing.

    Args:
        data: what could not be decoded as it is.
    """
    body = data.rstrip(b"\xff")
    if body.endswith(b"\0\0"):
        return None  # a download that never ended; a decoder may take zeros for pixels
    if body.rfind(_END) > body.rfind(_SCAN) or not _scans_are_complete(body):
        return None
    first, *others = (_pixels(body + filler + _END) for filler in _FILLERS)
    if first is None or any(one is None or not np.array_equal(one, first) for one in others):
        return None
    return body + _END


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
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker not in _PROGRESSIVE:
                return True
            components = [body[6 + 3 * index] for index in range(body[5])]
        elif marker == 0xDA:
            chosen, (first, last, bits) = body[1 : 1 + 2 * body[0] : 2], body[1 + 2 * body[0] :][:3]
            for one in chosen:
                known |= {(one, place): bits & 15 for place in range(first, min(last, 63) + 1)}
    return bool(components) and all(
        known.get((one, place)) == 0 for one in components for place in range(64)
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment with a length; scans' own data is passed over."""
    place = 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            place += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, data[place + 4 : place + 2 + length]
        place += 2 + max(length, 2)
