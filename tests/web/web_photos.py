"""Photos as forms send them, at half their size: what the tests ask is the same, and faster."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

FOLDER = Path(skimage.__file__).parent / "data"

Pixels = NDArray[np.uint8]
Upload = tuple[io.BytesIO, str]


def half(name: str) -> Pixels:
    """A photo of scikit-image's at half its size: uint8 (H, W, 3), RGB."""
    with Image.open(FOLDER / name) as image:
        return np.array(image.convert("RGB").reduce(2))


def upload(name: str) -> Upload:
    """``half`` of that photo, as Werkzeug's client takes a file."""
    return picture_upload(half(name), name)


def picture_upload(pixels: Pixels, name: str = "picture.png") -> Upload:
    """A picture of our own."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    file.seek(0)
    return file, name


def pixels_of(data: bytes) -> Pixels:
    """What a picture file shows, in its own mode."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def without_subject() -> Pixels:
    """Plain grey, 120 x 160: nothing to find and nothing that stands out."""
    return np.full((120, 160, 3), 128, dtype=np.uint8)
