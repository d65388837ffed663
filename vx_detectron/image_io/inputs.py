"""Turns a path, bytes, a stream, a PIL image or an array into a Photo."""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np
from PIL import Image

from vx_detectron.errors import ImageError
from vx_detectron.image_io.names import Readable, printable
from vx_detectron.image_io.opening import (
    MAX_BYTES,
    MAX_PIXELS,
    Decoded,
    decoder_errors,
    expect_size,
)
from vx_detectron.image_io.photo import Photo
from vx_detectron.image_io.reading import read_photo, to_photo
from vx_detectron.structures import ByteArray

PhotoSource: TypeAlias = Readable | Image.Image | ByteArray | Photo
"""What ``as_photo`` takes."""


def as_photo(
    source: PhotoSource, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Photo:
    """The photo in a path, a file's bytes, a stream, a PIL image, an array or a Photo.

    A PIL image is treated like its file: it is turned upright, and its profile and resolution
    are kept. An array is taken to be sRGB, upright.

    Args:
        source: a path; the bytes of a file; a binary stream; a PIL image of any 8- or 16-bit mode;
            a uint8 array, (H, W) grey, (H, W, 3) RGB, which is not copied, or (H, W, 4) RGBA with
            straight alpha; or a ``Photo``, which is returned as it is.
        max_pixels: largest width x height of a file or PIL image.
        max_bytes: largest file, in bytes.

    Raises:
        ImageError: it cannot be read, is too large, or is none of these.

    Example:
        >>> import numpy as np
        >>> as_photo(np.zeros((2, 3), dtype=np.uint8)).pixels.shape
        (2, 3, 3)
        >>> as_photo(np.zeros((2, 3, 3)))
        Traceback (most recent call last):
        vx_detectron.errors.ImageError: an array must be uint8 of shape HxW, HxWx3 or HxWx4 and \
not empty, got float64 of shape 2x3x3
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, Image.Image):
        return _from_image(source, max_pixels)
    if isinstance(source, bytearray | memoryview):
        source = bytes(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, str | os.PathLike | bytes) or hasattr(source, "read"):
        return read_photo(source, max_pixels=max_pixels, max_bytes=max_bytes)
    raise ImageError(
        "expected a photo as a path, bytes, a binary stream, a PIL image, a uint8 array or a "
        f"Photo, got {type(source).__module__}.{type(source).__qualname__}"
    )


def _from_image(image: Image.Image, max_pixels: int) -> Photo:
    name = printable(getattr(image, "filename", "") or "the PIL image")
    kind = image.format or "PIL"
    try:
        with decoder_errors(kind, max_pixels):
            expect_size(image.size, max_pixels)
            image.load()  # one that was only opened is decoded here
        return to_photo(Decoded(image, kind), name)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error.__cause__


def _from_array(array: ByteArray) -> Photo:
    channels = array.shape[2] if array.ndim == 3 else 1
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or not array.size
        or not (array.ndim == 2 or channels in (3, 4))
    ):
        raise ImageError(
            "an array must be uint8 of shape HxW, HxWx3 or HxWx4 and not empty, "
            f"got {array.dtype.name} of shape {'x'.join(map(str, array.shape))}"
        )
    if channels == 3:
        return Photo(array, "the array", "array")
    image = Image.fromarray(np.ascontiguousarray(array))
    return to_photo(Decoded(image, "array"), "the array")
