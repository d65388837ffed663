"""Pictures whose pixels are class numbers: read as stored, not as colours."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from vx_detectron.errors import ImageError
from vx_detectron.image_io.names import name_of
from vx_detectron.image_io.opening import MAX_BYTES, MAX_PIXELS, decode, read_bytes

_ONE_CHANNEL = ("1", "L", "P", "I", "I;16", "I;16B")


def read_labels(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> NDArray[np.int32]:
    """The numbers in an indexed or grey picture: int32 (H, W), 0 or more.

    Of a picture with a palette the indices count, whatever their colours.

    Raises:
        ImageError: as ``read_photo``; or the picture is coloured, or JPEG, which changes numbers.
    """
    try:
        found = decode(read_bytes(path, max_bytes), max_pixels)
        image = found.image
        if image.mode not in _ONE_CHANNEL or found.kind == "JPEG":
            raise ImageError(
                f"is a {found.kind} picture of mode {image.mode}, expected one channel of class "
                "numbers, stored without loss, such as a grey or indexed PNG"
            )
    except ImageError as error:
        raise ImageError(f"{name_of(path)}: {error}") from error.__cause__
    return np.asarray(image).astype(np.int32)
