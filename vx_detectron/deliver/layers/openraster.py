"""OpenRaster (.ora), the open layered format of Krita, GIMP and MyPaint: PNGs and xml in a zip.

Version 0.0.6 of the specification, https://www.openraster.org/baseline/file-layout-spec.html.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree

from PIL import Image

from vx_detectron.deliver.layers.layer import Layer
from vx_detectron.structures import ByteArray

_THUMBNAIL = (256, 256)  # the specification's largest


def openraster(image: ByteArray, layers: Sequence[Layer]) -> bytes:
    """A file with the layers above the whole photo.

    Args:
        image: uint8 (H, W, 3), RGB.
        layers: topmost first.
    """
    photo = Image.fromarray(image)
    pictures = [(layer.name, Image.fromarray(layer.pixels)) for layer in layers]
    places = [(layer.left, layer.top) for layer in layers]
    small = photo.copy()
    small.thumbnail(_THUMBNAIL)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:  # PNGs are compressed already
        file.writestr("mimetype", "image/openraster")  # must be the first
        file.writestr("stack.xml", _stack(photo.size, [*pictures, ("photo", photo)], places))
        for number, (_, picture) in enumerate([*pictures, ("photo", photo)]):
            file.writestr(_source(number), _png(picture))
        # The photo is what all the layers above it look like together.
        file.writestr("mergedimage.png", _png(photo))
        file.writestr("Thumbnails/thumbnail.png", _png(small))
    return buffer.getvalue()


def _stack(
    size: tuple[int, int],
    pictures: Sequence[tuple[str, Image.Image]],
    places: Sequence[tuple[int, int]],
) -> bytes:
    """``stack.xml``: what lies where, topmost first."""
    image = ElementTree.Element("image", version="0.0.6", w=str(size[0]), h=str(size[1]))
    stack = ElementTree.SubElement(image, "stack")
    for number, ((name, _), (x, y)) in enumerate(zip(pictures, [*places, (0, 0)], strict=True)):
        ElementTree.SubElement(
            stack, "layer", name=name, src=_source(number), x=str(x), y=str(y),
            opacity="1.0", visibility="visible",
        )  # fmt: skip
    return bytes(ElementTree.tostring(image, encoding="UTF-8", xml_declaration=True))


def _source(number: int) -> str:
    return f"data/{number:03}.png"


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()
