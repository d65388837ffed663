"""Photoshop's PSD, by psd-tools, which the extra ``psd`` brings along."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from vx_detectron.deliver.layers.layer import Layer
from vx_detectron.errors import ConfigError, ImageError
from vx_detectron.structures import ByteArray

_LONGEST_SIDE = 30_000  # pixels that a PSD holds


def photoshop(image: ByteArray, layers: Sequence[Layer]) -> bytes:
    """A file with the layers above the whole photo.

    Args:
        image: uint8 (H, W, 3), RGB.
        layers: topmost first.

    Raises:
        ConfigError: psd-tools is not installed.
        ImageError: the photo is larger than a PSD can be.
    """
    try:
        from psd_tools import PSDImage
    except ImportError as error:
        raise ConfigError(
            f"a PSD needs psd-tools, which cannot be imported ({error}): install the extra psd, "
            'pip install "vx-detectron[psd]", or write .ora'
        ) from error
    if max(image.shape) > _LONGEST_SIDE:
        raise ImageError(
            f"PSD holds at most {_LONGEST_SIDE} pixels a side, the photo has "
            f"{image.shape[1]} x {image.shape[0]}; write .ora"
        )
    photo = Image.fromarray(image).convert("RGBA")
    file = PSDImage.frompil(photo)  # in a plain RGB file, the layers' alpha would become masks
    file.create_pixel_layer(photo, name="photo")
    for layer in reversed(layers):  # each new one lies above the others
        picture = Image.fromarray(layer.pixels)
        file.create_pixel_layer(picture, name=layer.name, top=layer.top, left=layer.left)
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()
