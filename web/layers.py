"""Subject and background as layers of an OpenRaster file, which GIMP, Krita and others open."""

from __future__ import annotations

import io
import zipfile
from typing import IO
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.deliver import Transparent, compose, crop_box
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.paint import paint
from vx_detectron.image_io import Photo, write_picture
from vx_detectron.structures import FloatArray

ORA = "image/openraster"
_THUMBNAIL = 256  # the longest side that the format allows

ByteArray = NDArray[np.uint8]


def write_layers(file: IO[bytes], photo: Photo, alpha: FloatArray, finish: Finish) -> None:
    """Write the subject, its background and, hidden, the photo as layers.

    Args:
        file: a binary stream to write to.
        photo: the photo that was cut.
        alpha: float32 (H, W), 0..1, of the photo's size.
        finish: background and crop.
    """
    crop, margin, background = finish.crop, finish.margin, finish.background
    height, width = alpha.shape
    x0, y0, x1, y1 = crop_box(alpha, margin) if crop else (0, 0, width, height)
    view = slice(y0, y1), slice(x0, x1)
    layers = {"subject": compose(photo.pixels, alpha, Transparent(), crop=crop, margin=margin)}
    if not isinstance(background, Transparent):
        layers["background"] = paint(background, photo.pixels, alpha, view)
    layers["photo"] = photo.pixels[view]
    merged = compose(photo.pixels, alpha, background, crop=crop, margin=margin)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", ORA)  # first and not compressed, so that it can be sniffed
        archive.writestr("stack.xml", _stack(list(layers), (y1 - y0, x1 - x0)))
        for name, pixels in layers.items():
            archive.writestr(f"data/{name}.png", _png(pixels, photo))
        archive.writestr("mergedimage.png", _png(merged, photo))
        archive.writestr("Thumbnails/thumbnail.png", _png(_thumbnail(merged), photo))


def _stack(names: list[str], size: tuple[int, int]) -> bytes:
    """The list of layers, the topmost first."""
    height, width = size
    image = ElementTree.Element("image", version="0.0.3", w=str(width), h=str(height))
    stack = ElementTree.SubElement(image, "stack")
    for name in names:
        visibility = "hidden" if name == "photo" else "visible"
        ElementTree.SubElement(
            stack, "layer", name=name, src=f"data/{name}.png", x="0", y="0", visibility=visibility
        )
    return ElementTree.tostring(image, encoding="UTF-8", xml_declaration=True)


def _png(pixels: ByteArray, photo: Photo) -> bytes:
    buffer = io.BytesIO()
    write_picture(buffer, pixels, format="png", icc_profile=photo.icc_profile, dpi=photo.dpi)
    return buffer.getvalue()


def _thumbnail(pixels: ByteArray) -> ByteArray:
    scale = min(1.0, _THUMBNAIL / max(pixels.shape[:2]))
    size = max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
