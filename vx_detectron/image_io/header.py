"""The size of a photo from the header of its file, without decoding its pixels."""

from __future__ import annotations

import os

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from vx_detectron.errors import ImageError
from vx_detectron.image_io.names import name_of, reason
from vx_detectron.image_io.opening import (
    MAX_PIXELS,
    decoder_errors,
    expect_file,
    kind_of,
    open_header,
)

_EXIF_ORIENTATION = 274
_QUARTER_TURNS = (5, 6, 7, 8)
_LONGEST_SIGNATURE = 1024


def read_size(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width, in pixels, that ``read_photo`` would give the photo: upright.

    The rest of the file is not checked.

    Raises:
        ImageError: the file is missing, unreadable, too large, or does not start like a photo.
    """
    try:
        expect_file(os.stat(path).st_mode)
        with open(path, "rb") as stream:
            kind = kind_of(stream.read(_LONGEST_SIGNATURE))
            stream.seek(0)
            with decoder_errors(kind, max_pixels):
                image = open_header(stream, kind, max_pixels)
                width, height = image.size
                turned = _is_turned(image)
    except ImageError as error:
        raise ImageError(f"{name_of(path)}: {error}") from error.__cause__
    except (OSError, ValueError) as error:  # ValueError: a null in the path
        raise ImageError(f"{name_of(path)}: cannot be read: {reason(error)}") from error
    return (width, height) if turned else (height, width)


def _is_turned(image: ImageFile) -> bool:
    """Whether EXIF asks for a quarter turn that the size does not have in it yet."""
    if isinstance(image, TiffImageFile):
        return False  # Pillow states the upright size
    try:
        # Not the PNG's own method: that one decodes the picture first.
        return Image.Image.getexif(image).get(_EXIF_ORIENTATION) in _QUARTER_TURNS
    except Exception:  # broken EXIF can raise anything; ``read_photo`` ignores it too
        return False
