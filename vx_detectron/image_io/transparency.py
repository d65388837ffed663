"""Pictures with transparent parts, and the colour shown behind them.

A transparent pixel still has a colour, which says nothing, and the subject may well be as white as
the paper it would be shown on. So the network sees the picture over a colour unlike its edges.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

ByteArray = NDArray[np.uint8]
Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
_BACKDROPS: dict[str, Rgb] = {
    "white": WHITE,
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "green": (60, 160, 60),
    "blue": (50, 90, 200),
}
_ENOUGH = 70.0  # distance of two colours, of 441 at most, that sets them well apart
_HARDEST = 10  # percent of the edge that may be nearer to the backdrop
_VISIBLE = 128  # alpha from which a pixel is more there than not
_EDGE = 5  # pixels, the side of the square that finds the edge


def lay_over(colours: ByteArray, alpha: ByteArray, backdrop: Rgb = WHITE) -> ByteArray:
    """The picture on a plain colour.

    Args:
        colours: uint8 (H, W, 3), RGB, straight: not multiplied with alpha.
        alpha: uint8 (H, W).
        backdrop: red, green, blue.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    picture = Image.fromarray(colours)
    plain = Image.new("RGB", picture.size, backdrop)
    return np.array(Image.composite(picture, plain, Image.fromarray(alpha)))


def as_seen(colours: ByteArray, alpha: ByteArray) -> tuple[ByteArray, str]:
    """The picture as the network should see it, and the name of the colour behind it.

    What is nowhere opaque is shown as strongly as it can be.

    Args:
        colours: as in ``lay_over``.
        alpha: uint8 (H, W), not 0 everywhere.
    """
    name = _backdrop(colours, alpha)
    most = int(alpha.max())
    strong = alpha if most == 255 else (alpha.astype(np.uint16) * 255 // most).astype(np.uint8)
    return lay_over(colours, strong, _BACKDROPS[name]), name


def _backdrop(colours: ByteArray, alpha: ByteArray) -> str:
    """White where the visible edge stands out from it, else what it stands out from best."""
    visible = (alpha >= _VISIBLE).astype(np.uint8)
    core = cv2.erode(visible, np.ones((_EDGE, _EDGE), np.uint8), borderValue=1)
    edge = colours[(visible != core)].astype(np.float32)
    if not len(edge):
        return "white"
    contrast = {
        name: float(np.percentile(np.linalg.norm(edge - np.array(rgb), axis=1), _HARDEST))
        for name, rgb in _BACKDROPS.items()
    }
    if contrast["white"] >= _ENOUGH:
        return "white"
    return max(contrast, key=contrast.__getitem__)
