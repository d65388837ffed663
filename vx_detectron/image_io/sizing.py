"""The same photo with fewer pixels, or other ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.image_io.photo import Photo

_LARGE = 2**20  # pixels


def area_average(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture at a smaller size, each pixel the mean of those that it replaces.

    Halving is many times as fast as any other change of size, so a large picture is halved first,
    as often as its sides are even. That rounds once more each time.

    Args:
        picture: uint8 (H, W) or (H, W, 3); it stays as it is.
        size: height and width, each at most the picture's.
    """
    height, width = picture.shape[:2]
    while height * width > _LARGE and not (height % 2 or width % 2):
        height, width = height // 2, width // 2
        if height < size[0] or width < size[1]:
            break
        picture = np.asarray(
            cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    small = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def shrunk(photo: Photo, megapixels: float) -> Photo:
    """The photo with at most so many million pixels, in its own proportions.

    Args:
        photo: stays as it is.
        megapixels: more than 0.

    Returns:
        a photo whose arrays are area averages, see ``Photo.scaled``; the photo itself where it is
        small enough.
    """
    height, width = photo.pixels.shape[:2]
    scale = math.sqrt(megapixels * 1e6 / (height * width))
    if scale >= 1:
        return photo
    return photo.scaled(max(int(height * scale), 1), max(int(width * scale), 1))


def changed(photo: Photo, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Photo:
    """The photo with the same change, such as a crop, made to each of its arrays.

    Args:
        photo: stays as it is.
        change: from an array (H, W) or (H, W, 3) to another of the same kind.
    """
    arrays: dict[str, Any] = {}
    for field in fields(photo):
        array = getattr(photo, field.name)
        if isinstance(array, np.ndarray):
            arrays[field.name] = change(array)
    return replace(photo, **arrays)
