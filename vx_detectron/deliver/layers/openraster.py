"""OpenRaster (.ora), the open layered format of Krita, GIMP and MyPaint: PNGs and xml in a zip.

Version 0.0.6 of the specification, https://www.openraster.org/baseline/file-layout-spec.html.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from vx_detectron.deliver.layers.layer import Layer
from vx_detectron.image_io import write_picture
from vx_detectron.structures import ByteArray

_THUMBNAIL = (256, 256)  # the specification's largest


def openraster(
    merged: ByteArray,
    layers: Sequence[Layer],
    icc_profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    software: str | None = None,
) -> bytes:
    """A file with these layers.

    Args:
        merged: what they look like together, uint8 (H, W, 3) RGB or (H, W, 4) RGBA.
        layers: topmost first.
        icc_profile: the RGB profile that all colours are in; None means sRGB. OpenRaster has no
            place of its own for it, so that each PNG carries it.
        dpi: density along x and y in pixels per inch; None for none.
        software: what made it, ASCII; it becomes the comment of the zip. None for nothing.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:  # PNGs are compressed already
        file.writestr("mimetype", "image/openraster")  # must be the first
        file.writestr("stack.xml", _stack(merged.shape[:2], layers, dpi))
        for number, layer in enumerate(layers):
            file.writestr(_source(number), _png(layer.pixels, icc_profile))
        file.writestr("mergedimage.png", _png(merged, icc_profile))
        file.writestr("Thumbnails/thumbnail.png", _png(_thumbnail(merged), icc_profile))
        file.comment = (software or "").encode("ascii")
    return buffer.getvalue()


def _stack(
    size: tuple[int, ...], layers: Sequence[Layer], dpi: tuple[float, float] | None
) -> bytes:
    """``stack.xml``: what lies where, topmost first."""
    height, width = size
    image = ElementTree.Element("image", version="0.0.6", w=str(width), h=str(height))
    if dpi is not None:
        image.attrib |= {"xres": str(round(dpi[0])), "yres": str(round(dpi[1]))}
    stack = ElementTree.SubElement(image, "stack")
    for number, layer in enumerate(layers):
        ElementTree.SubElement(
            stack, "layer", name=layer.name, src=_source(number), x=str(layer.left),
            y=str(layer.top), opacity="1.0", visibility="visible" if layer.visible else "hidden",
        )  # fmt: skip
    return bytes(ElementTree.tostring(image, encoding="UTF-8", xml_declaration=True))


def _source(number: int) -> str:
    return f"data/{number:03}.png"


def _thumbnail(pixels: ByteArray) -> ByteArray:
    picture = Image.fromarray(pixels)
    picture.thumbnail(_THUMBNAIL)
    return np.asarray(picture)


def _png(pixels: ByteArray, icc_profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    write_picture(buffer, pixels, format="png", icc_profile=icc_profile)
    return buffer.getvalue()
