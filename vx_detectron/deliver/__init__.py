"""The subject and a new background become one picture."""

from __future__ import annotations

from vx_detectron.deliver.background import (
    BLACK,
    Background,
    Blur,
    Colour,
    Gradient,
    Picture,
    PictureFile,
    Transparent,
    parse_background,
    read_background,
)
from vx_detectron.deliver.boxes import crop_box
from vx_detectron.deliver.compose import compose, compose_photo, mask_picture
from vx_detectron.deliver.edge import Edge
from vx_detectron.deliver.foreground import estimate_foreground
from vx_detectron.deliver.placement import Canvas, Placement, parse_canvas
from vx_detectron.deliver.shadow import Shadow, parse_shadow

__all__ = [
    "BLACK",
    "Background",
    "Blur",
    "Canvas",
    "Colour",
    "Edge",
    "Gradient",
    "Picture",
    "PictureFile",
    "Placement",
    "Shadow",
    "Transparent",
    "compose",
    "compose_photo",
    "crop_box",
    "estimate_foreground",
    "mask_picture",
    "parse_background",
    "parse_canvas",
    "parse_shadow",
    "read_background",
]
