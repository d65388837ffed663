"""From pixels to a picture file, completely or not at all."""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.files import replacing
from vx_detectron.image_io.formats import PictureFormat
from vx_detectron.image_io.names import Writable, name_of, reason
from vx_detectron.image_io.quick_png import quick_png
from vx_detectron.structures import ByteArray

QUICK = 1
"""The usual compression of png."""

_EXIF_SOFTWARE = 305
_LONGEST_SIDE = {"jpg": 65_500, "webp": 16_383}  # libjpeg's limit, and WebP's own


def write_picture(
    target: Writable,
    pixels: ByteArray,
    *,
    format: PictureFormat,
    icc_profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    quality: int = 95,
    compression: int = QUICK,
    software: str | None = None,
) -> None:
    """Write a picture, completely or not at all.

    A file gets its name only when it is complete; until then an existing one is unchanged.
    Devices, pipes and streams are written directly.

    Args:
        target: a path in an existing folder, or a binary stream.
        pixels: uint8 (H, W) grey, (H, W, 3) RGB, or (H, W, 4) RGBA with straight alpha.
        format: ``png``, ``jpg``, ``webp`` or ``tiff``; see ``format_from_suffix``.
        icc_profile: the RGB profile that the colours are in; None means sRGB. Not for grey.
        dpi: density along x and y in pixels per inch, 1..65535; WebP has no place for it.
        quality: 1..100 for jpg and webp; 100 makes webp lossless. The others always are.
        compression: 0..9 for png, zlib's level: 0 compresses nothing, 1 is fast, 9 gives the
            smallest file.
        software: ASCII text for the EXIF field of that name; by default there is no EXIF.

    Raises:
        ImageError: the format cannot store the picture, or the file cannot be written.
        ValueError: an argument is not as described.
    """
    _check_arguments(pixels, format, icc_profile, dpi, quality, compression)
    try:
        _expect_fit(pixels, format)
        data = _encode(pixels, format, icc_profile, dpi, quality, compression, software)
        _write(target, data)
    except ImageError as error:
        raise ImageError(f"{name_of(target)}: {error}") from error.__cause__


def write_bytes(target: Writable, data: bytes) -> None:
    """Write an already encoded file, completely or not at all, as ``write_picture`` does.

    Raises:
        ImageError: it cannot be written.
    """
    try:
        _write(target, data)
    except ImageError as error:
        raise ImageError(f"{name_of(target)}: {error}") from error.__cause__


def _check_arguments(
    pixels: ByteArray,
    format: str,
    icc_profile: bytes | None,
    dpi: tuple[float, float] | None,
    quality: int,
    compression: int,
) -> None:
    good_shape = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not good_shape or not pixels.size:
        raise ValueError(
            "pixels must be uint8 of shape HxW, HxWx3 or HxWx4 and not empty, "
            f"got {pixels.dtype.name} of shape {'x'.join(map(str, pixels.shape))}"
        )
    if format not in get_args(PictureFormat):
        raise ValueError(f"format must be one of {get_args(PictureFormat)}, got {format!r}")
    if icc_profile is not None and pixels.ndim == 2:
        raise ValueError("a grey picture cannot carry an RGB colour profile, pass None")
    if dpi is not None and not all(1 <= number <= 65_535 for number in dpi):
        raise ValueError(f"dpi must lie in 1..65535, got {dpi}")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must lie in 1..100, got {quality}")
    if not 0 <= compression <= 9:
        raise ValueError(f"compression must lie in 0..9, got {compression}")


def _expect_fit(pixels: ByteArray, format: PictureFormat) -> None:
    """ImageError when the format cannot hold the picture."""
    if format == "jpg" and pixels.shape[2:] == (4,):
        raise ImageError("JPEG cannot keep transparency; write png, webp or tiff, or a background")
    height, width = pixels.shape[:2]
    longest = _LONGEST_SIDE.get(format)
    if longest and max(height, width) > longest:
        raise ImageError(
            f"{format} allows at most {longest} pixels per side, the picture has "
            f"{width} x {height}; write png or tiff, or make it smaller"
        )


def _encode(
    pixels: ByteArray,
    format: PictureFormat,
    icc_profile: bytes | None,
    dpi: tuple[float, float] | None,
    quality: int,
    compression: int,
    software: str | None,
) -> bytes:
    exif = Image.Exif()
    if software is not None:
        exif[_EXIF_SOFTWARE] = software
    if format == "png" and compression == QUICK:
        field = exif.tobytes().removeprefix(b"Exif\0\0") if exif else None
        return quick_png(pixels, icc_profile=icc_profile, dpi=dpi, exif=field)
    lossless = quality == 100
    options: dict[PictureFormat, dict[str, Any]] = {
        "png": {"format": "PNG", "compress_level": compression},
        # A mask's edge is a colour edge: full chroma keeps it.
        "jpg": {"format": "JPEG", "quality": quality, "subsampling": 0 if quality >= 90 else 2},
        "webp": {"format": "WEBP", "quality": quality, "lossless": lossless, "exact": lossless},
        "tiff": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    }
    given: dict[str, Any] = {"icc_profile": icc_profile, "dpi": dpi, "exif": exif or None}
    known = {key: value for key, value in given.items() if value is not None}
    buffer = io.BytesIO()
    try:
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.save(buffer, **options[format], **known)
    except (OSError, ValueError, struct.error) as error:
        raise ImageError(f"cannot be encoded as {format}: {reason(error)}") from error
    return buffer.getvalue()


def _write(target: Writable, data: bytes) -> None:
    try:
        if not isinstance(target, str | os.PathLike):
            target.write(data)
            target.flush()
        elif _is_special(target):
            with open(target, "wb") as device:
                device.write(data)
        else:
            _replace_file(Path(target), data)
    except (OSError, ValueError) as error:  # ValueError: a null in the path, or a closed stream
        raise ImageError(f"cannot be written: {reason(error)}") from error


def _is_special(path: str | os.PathLike[str]) -> bool:
    """Whether it is there and is a device or pipe, which must not be replaced by a file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise ImageError("cannot be written: it is a folder, expected a file name")
    return not stat.S_ISREG(mode)


def _replace_file(path: Path, data: bytes) -> None:
    """Write beside the target, then take its name in one step."""
    if not path.parent.is_dir():
        raise ImageError("cannot be written: its folder does not exist; create it first")
    with replacing(path) as temporary, open(temporary, "xb") as file:  # its mode follows the umask
        file.write(data)
