"""The subject and a new background become one picture."""

from __future__ import annotations

from vx_detectron.deliver.background import (
    BLACK,
    Background,
    Blur,
    Colour,
    Picture,
    PictureFile,
    Transparent,
    parse_background,
    read_background,
)
from vx_detectron.deliver.compose import compose, compose_photo, crop_box, mask_picture
from vx_detectron.deliver.foreground import estimate_foreground

__all__ = [
    "BLACK",
    "Background",
    "Blur",
    "Colour",
    "Picture",
    "PictureFile",
    "Transparent",
    "compose",
    "compose_photo",
    "crop_box",
    "estimate_foreground",
    "mask_picture",
    "parse_background",
    "read_background",
]
