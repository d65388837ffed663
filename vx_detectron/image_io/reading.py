"""From a path, bytes or a stream to a Photo; anything wrong with it raises ImageError."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.image_io.frames import first_shown
from vx_detectron.image_io.names import Readable, name_of
from vx_detectron.image_io.opening import MAX_BYTES, MAX_PIXELS, Decoded, decode, read_bytes
from vx_detectron.image_io.photo import Photo
from vx_detectron.image_io.transparency import as_seen

_TURNS = {  # EXIF orientation -> what makes the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_QUARTER_TURNS = (5, 6, 7, 8)
_EXIF_ORIENTATION = 274


def read_photo(
    source: Readable,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Photo:
    """Read a photo as upright 8-bit RGB.

    Reads JPEG (and MPO), PNG, WebP, TIFF, BMP, GIF, PPM, AVIF, and HEIF when pillow-heif is
    installed. Of 16-bit samples the upper 8 bits are kept; floating-point ones run from 0 to 1.
    CMYK and grey become sRGB, through their embedded profile where there is one, and Lab by its
    definition; RGB pixels stay as they are and keep theirs, also where it is stated by numbers
    only (PNG's cICP, gAMA and cHRM, the nclx box of AVIF and HEIF, Adobe RGB in EXIF). Of an
    animation, the first picture that is not blank is used.

    Args:
        source: a path, a file's bytes, or a binary stream, which is read from its current position.
        name: what to call the source in messages, such as an upload's file name.
        max_pixels: largest width x height. Above 178,956,970 Pillow's own limit, twice its
            ``PIL.Image.MAX_IMAGE_PIXELS``, stops TIFF and WebP.
        max_bytes: largest file, in bytes.

    Raises:
        ImageError: the file is missing, unreadable, empty, too large, damaged, or not a photo.

    Example:
        >>> from pathlib import Path
        >>> from skimage.data import data_dir
        >>> photo = read_photo(Path(data_dir) / "rocket.jpg")
        >>> photo.format, photo.pixels.shape, photo.pixels.dtype
        ('JPEG', (427, 640, 3), dtype('uint8'))
    """
    name = name_of(source, name)
    try:
        return to_photo(decode(read_bytes(source, max_bytes), max_pixels), name)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error.__cause__


def to_photo(found: Decoded, name: str) -> Photo:
    """A decoded picture as a Photo; ImageError when its samples have no defined range."""
    notes = list(found.notes)
    turn = _orientation(found.image, notes)
    dpi = _density(found.image.info.get("dpi"))
    frame = first_shown(found, notes)
    dpi = (dpi[1], dpi[0]) if dpi and turn in _QUARTER_TURNS else dpi
    colours, alpha = _upright(frame.colours, turn), frame.alpha
    straight = None
    ignored = alpha is not None and not alpha.any()
    if ignored:
        notes.append("its alpha channel is zero everywhere and was ignored")
        alpha = None
    if alpha is not None:
        alpha = _upright(alpha, turn)
        straight = colours
        colours, backdrop = as_seen(straight, alpha)
        notes.append(
            f"parts are transparent and stay so; the subject was looked for over {backdrop}"
        )
    return Photo(
        colours,
        name,
        found.kind,
        icc_profile=frame.icc_profile,
        dpi=dpi,
        frames=frame.count,
        alpha=alpha,
        straight=straight,
        alpha_ignored=ignored,
        notes=tuple(notes),
    )


def _upright(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    return np.array(Image.fromarray(pixels).transpose(_TURNS[turn])) if turn in _TURNS else pixels


def _orientation(image: Image.Image, notes: list[str]) -> int:
    """EXIF orientation 1..8. Pillow has already turned TIFF, and pillow-heif HEIF; they say 1."""
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # broken EXIF can raise anything, but the photo itself may be fine
        notes.append("its EXIF is broken and was ignored; the photo may lie on its side")
        return 1
    return value if isinstance(value, int) else 1


def _density(value: Any) -> tuple[float, float] | None:
    """Pixels per inch that every format can store, else None. Pillow says 1 where TIFF is mute."""
    try:
        x, y = (float(number) for number in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 < x <= 65_535 and 1 < y <= 65_535 else None
