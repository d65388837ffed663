"""Photos in, pictures out: any file <-> upright 8-bit RGB, with its colour profile and density.

What a file is, is decided by its first bytes and never by its name. Files are taken as hostile:
their size is checked before they are decoded, and only the formats in ``formats`` reach a decoder.
"""

from vx_detectron.image_io.formats import SUPPORTED_SUFFIXES, PictureFormat, format_from_suffix
from vx_detectron.image_io.reading import MAX_BYTES, MAX_PIXELS, Photo, read_photo
from vx_detectron.image_io.writing import write_picture

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "SUPPORTED_SUFFIXES",
    "Photo",
    "PictureFormat",
    "format_from_suffix",
    "read_photo",
    "write_picture",
]
