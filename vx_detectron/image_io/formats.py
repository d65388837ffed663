"""Which formats are read and written, and how each is recognised."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vx_detectron.errors import ImageError
from vx_detectron.image_io.names import printable
from vx_detectron.image_io.tiff import Tiff

PictureFormat = Literal["png", "jpg", "webp", "tiff"]
Opener = Callable[[IO[bytes], str], ImageFile]

SUPPORTED_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff"}
    | {".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".hif"}
)
"""Lower-case suffixes that a walk through folders should pick up."""

_FORMAT_OF_SUFFIX: dict[str, PictureFormat] = {
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
}

# The plugin classes are called directly: Image.open would answer by Pillow's own size limit before
# ours can, hide a decoder's reason, and take a phone's JPEG with a gain map for an animation.
_OPENERS: dict[str, Opener] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "TIFF": Tiff,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "PPM": PpmImageFile,
    "AVIF": AvifImageFile,
}
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def format_from_suffix(path: str | os.PathLike[str]) -> PictureFormat:
    """The format to write that a file name asks for; ImageError when it names none of ours."""
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMAT_OF_SUFFIX:
        known = ", ".join(_FORMAT_OF_SUFFIX)
        raise ImageError(f"{printable(path)}: expected a name that ends in one of {known}")
    return _FORMAT_OF_SUFFIX[suffix]


def format_of(data: bytes) -> str | None:
    """The format that a file's first bytes announce, such as ``JPEG``; None for any other."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PPM"
    return _format_of_box(data) if data[4:8] == b"ftyp" else None


def opener_of(kind: str) -> Opener:
    """What opens a format that ``format_of`` named; ImageError when HEIF has no reader."""
    if kind != "HEIF":
        return _OPENERS[kind]
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise ImageError(
            "HEIF photos need the package pillow-heif: pip install pillow-heif, or convert the "
            "photo to JPEG"
        ) from error
    return HeifImageFile


def _format_of_box(data: bytes) -> str | None:
    """AVIF or HEIF, by the brands in the leading ftyp box: both may call themselves mif1."""
    box = data[8 : min(int.from_bytes(data[:4], "big"), 1024)]
    brands = {box[start : start + 4] for start in range(0, len(box), 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None
