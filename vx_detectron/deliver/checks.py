"""Checks of arrays, colours and names."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from vx_detectron.structures import ByteArray, FloatArray

Rgb = tuple[int, int, int]
Fit = Literal["cover", "contain"]


def check_picture(name: str, picture: ByteArray) -> None:
    """Raise ValueError unless the picture is RGB uint8 (H, W, 3) with at least one pixel."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(
            f"{name} must be RGB uint8 of shape (H, W, 3), got {picture.dtype} {picture.shape}"
        )


def check_alpha(alpha: FloatArray) -> None:
    """Raise ValueError unless alpha is float32 (H, W) within 0..1 with at least one pixel."""
    if alpha.dtype != np.float32 or alpha.ndim != 2 or not alpha.size:
        raise ValueError(f"alpha must be float32 of shape (H, W), got {alpha.dtype} {alpha.shape}")
    low, high = float(alpha.min()), float(alpha.max())
    if not (low >= 0 and high <= 1):  # also catches NaN, which min and max pass on
        raise ValueError(f"alpha must lie within 0..1, got {low:g}..{high:g}")


def check_pair(image: ByteArray, alpha: FloatArray) -> None:
    """Raise ValueError unless both are sound and of one size."""
    check_picture("image", image)
    check_alpha(alpha)
    if image.shape[:2] != alpha.shape:
        raise ValueError(f"alpha must have the image's size {image.shape[:2]}, got {alpha.shape}")


def check_colour(name: str, colour: Rgb) -> None:
    """Raise ValueError unless the colour is red, green, blue within 0..255."""
    sound = len(colour) == 3 and all(0 <= channel <= 255 for channel in colour)
    if not sound:
        raise ValueError(f"{name} must be red, green, blue within 0..255, got {colour!r}")


def check_fit(fit: str) -> None:
    """Raise ValueError unless the name is a known way to fit a picture."""
    if fit not in get_args(Fit):
        raise ValueError(f"fit must be one of {', '.join(get_args(Fit))}, got {fit!r}")
