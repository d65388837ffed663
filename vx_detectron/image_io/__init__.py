"""Photos in, pictures out: any file <-> upright 8-bit RGB, with its colour profile and density.

What a file is, is decided by its first bytes and never by its name. Files are taken as hostile:
their size is checked before they are decoded, and only the formats in ``formats`` reach a decoder.
"""

from vx_detectron.image_io.formats import SUPPORTED_SUFFIXES, PictureFormat, format_from_suffix
from vx_detectron.image_io.header import read_size
from vx_detectron.image_io.inputs import PhotoSource, as_photo
from vx_detectron.image_io.labels import read_labels
from vx_detectron.image_io.opening import MAX_BYTES, MAX_PIXELS
from vx_detectron.image_io.photo import Photo
from vx_detectron.image_io.reading import read_photo
from vx_detectron.image_io.sizing import area_average, changed, shrunk
from vx_detectron.image_io.writing import write_bytes, write_picture

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "SUPPORTED_SUFFIXES",
    "Photo",
    "PhotoSource",
    "PictureFormat",
    "area_average",
    "as_photo",
    "changed",
    "format_from_suffix",
    "read_labels",
    "read_photo",
    "read_size",
    "shrunk",
    "write_bytes",
    "write_picture",
]
