"""From a path, bytes or a stream to a Photo; everything that can be wrong with it is ImageError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.image_io.colour import flatten
from vx_detectron.image_io.names import Readable, name_of
from vx_detectron.image_io.opening import MAX_BYTES, MAX_PIXELS, decode, read_bytes

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


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo, upright and flat.

    EXIF is not kept: the orientation is applied already and no viewer must apply it again, and
    places, names and serial numbers do not belong into a cut-out.

    Attributes:
        pixels: uint8 (H, W, 3), RGB, EXIF orientation applied, transparency laid over white.
        source: where it came from, for messages.
        format: as decoded, such as ``JPEG``.
        icc_profile: the RGB colour profile that ``pixels`` are in; None means sRGB.
        dpi: density along x and y in pixels per inch; None when the file states none.
        frames: pictures in an animation, or pages; only the first is in ``pixels``.
        had_alpha: whether some pixel was transparent and therefore shows white behind it.
        notes: what was done to it that its owner may want to know, one line each.
    """

    pixels: NDArray[np.uint8]
    source: str
    format: str
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    frames: int = 1
    had_alpha: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                "pixels must be uint8 of shape HxWx3 and not empty, "
                f"got {pixels.dtype.name} of shape {'x'.join(map(str, pixels.shape))}"
            )


def read_photo(
    source: Readable,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Photo:
    """Read a photo as upright 8-bit RGB.

    Reads JPEG (and MPO), PNG, WebP, TIFF, BMP, GIF, PPM, AVIF, and HEIF when pillow-heif is
    installed. Of 16-bit samples the upper 8 bits are kept. CMYK and grey become sRGB, through
    their embedded profile where there is one; RGB pixels stay as they are and keep theirs.

    Args:
        source: a path, a file's bytes, or a binary stream, which is read from where it stands.
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
        image, kind = decode(read_bytes(source, max_bytes), max_pixels)
        return to_photo(image, kind, name)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error.__cause__


def to_photo(image: Image.Image, kind: str, name: str) -> Photo:
    """A decoded picture as a Photo; ImageError when its samples have no defined range."""
    notes: list[str] = []
    turn = _orientation(image, notes)
    dpi = _density(image.info.get("dpi"))
    upright, icc_profile, had_alpha = flatten(image, notes)
    if turn in _TURNS:
        upright = upright.transpose(_TURNS[turn])
        dpi = (dpi[1], dpi[0]) if dpi and turn in _QUARTER_TURNS else dpi
    pixels = np.array(upright)
    frames = _count_frames(image, notes)  # last: counting a TIFF's pages moves it on
    return Photo(pixels, name, kind, icc_profile, dpi, frames, had_alpha, tuple(notes))


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


def _count_frames(image: Image.Image, notes: list[str]) -> int:
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception:  # what comes after the first picture may be damaged in any way
        notes.append("what follows the first picture in the file is damaged")
        return 1
    if frames > 1:
        notes.append(f"only the first of the {frames} pictures in the file is used")
    return frames
