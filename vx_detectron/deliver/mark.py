"""The mark in this program's pictures: which photo they are from, and which options made them.

It is plain ASCII text: in the EXIF field "Software" of pictures, in the json of layers, in the
comment of an OpenRaster file, in the XMP of a PSD. A name that ends with ``_cutout`` proves
nothing, since photos may have such names too; the mark does.
"""

from __future__ import annotations

import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path

from vx_detectron import __version__

_TEXT = re.compile(rb"VX Detectron [\w.+-]+; photo sha256 ([0-9a-f]{64}); options ([0-9a-f]{16})")


@dataclass(frozen=True)
class Mark:
    """Which photo a result belongs to. Its text is what is written into files.

    Attributes:
        photo: sha256 of the photo's file, 64 hexadecimal digits.
        options: a fingerprint of everything that was asked for, 16 hexadecimal digits.
    """

    photo: str
    options: str

    def __str__(self) -> str:
        return f"VX Detectron {__version__}; photo sha256 {self.photo}; options {self.options}"


def read_mark(path: str | os.PathLike[str]) -> Mark | None:
    """The mark in a file of any format, or None where there is no mark or no readable file.

    The file is searched for the text and not decoded, since it is not trusted.
    """
    if not Path(path).is_file():  # a pipe would block
        return None
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return find_mark(data)
    except (OSError, ValueError):  # ValueError: it is empty
        return None


def find_mark(data: bytes | mmap.mmap) -> Mark | None:
    """The mark in a file's bytes, or None."""
    found = _TEXT.search(data)
    return Mark(found[1].decode(), found[2].decode()) if found else None
