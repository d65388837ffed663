"""Photoshop's PSD, by psd-tools, which the extra ``psd`` brings along."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from PIL import Image

from vx_detectron.deliver.layers.layer import Layer
from vx_detectron.errors import ConfigError, ImageError
from vx_detectron.structures import ByteArray

_LONGEST_SIDE = 30_000  # pixels that a PSD holds


def photoshop(
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
        icc_profile: the RGB profile that all colours are in; None means sRGB.
        dpi: density along x and y in pixels per inch; None for none.
        software: what made it; it becomes XMP's ``CreatorTool``. None for nothing.

    Raises:
        ConfigError: psd-tools is not installed.
        ImageError: the picture is larger than a PSD can be.
    """
    try:
        from psd_tools import PSDImage
        from psd_tools.constants import Resource
        from psd_tools.psd.image_resources import ImageResource
    except ImportError as error:
        raise ConfigError(
            f"a PSD needs psd-tools, which cannot be imported ({error}): install the extra psd, "
            'pip install "vx-detectron[psd]", or write .ora'
        ) from error
    height, width = merged.shape[:2]
    if max(height, width) > _LONGEST_SIDE:
        raise ImageError(
            f"PSD allows at most {_LONGEST_SIDE} pixels per side, the photo has "
            f"{width} x {height}; write .ora"
        )
    # In a plain RGB file, the layers' alpha would become masks.
    file = PSDImage.frompil(Image.fromarray(merged).convert("RGBA"))
    for layer in reversed(layers):  # each new one lies above the others
        picture = Image.fromarray(layer.pixels).convert("RGBA")
        made = file.create_pixel_layer(picture, name=layer.name, top=layer.top, left=layer.left)
        made.visible = layer.visible
    # The profile comes last, so that psd-tools takes no layer for a picture to be converted.
    resources = {}
    if icc_profile is not None:
        resources[Resource.ICC_PROFILE] = icc_profile
    if dpi is not None:  # in 65536ths, with 1 for inches as the unit to show it, and each side, in
        x, y = (round(65_536 * number) for number in dpi)
        resources[Resource.RESOLUTION_INFO] = struct.pack(">IHHIHH", x, 1, 1, y, 1, 1)
    if software is not None:
        resources[Resource.XMP_METADATA] = _xmp(software)
    for key, data in resources.items():
        file.image_resources[key] = ImageResource(key=key, data=data)
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def _xmp(software: str) -> bytes:
    """An XMP packet that says what made the file, as Photoshop's own do."""
    packet = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f"xmp:CreatorTool={quoteattr(software)}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
    return packet.encode()
