"""The photos that scikit-image ships, and where the project is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]

Photo = NDArray[np.uint8]


def photo(name: str) -> Photo:
    """A photo that scikit-image ships inside its wheel: uint8 (H, W, 3), RGB.

    It cannot be written to, so a function that changes its input fails.
    """
    with Image.open(Path(skimage.__file__).parent / "data" / name) as image:
        pixels = np.array(image.convert("RGB"))
    pixels.setflags(write=False)
    return pixels
