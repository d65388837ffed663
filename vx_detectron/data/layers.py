"""Masks as torchvision's transforms move them, exactly on the photo's pixels."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

UNKNOWN = 255


class Layers(tv_tensors.Mask):  # type: ignore[misc]
    """Masks, uint8 (N, H, W): 0 no, 1 yes, ``UNKNOWN`` where nobody knows.

    torchvision resizes its own ``Mask`` by "nearest", which takes the corner of each output
    pixel instead of its centre: the mask then lies half a pixel below and right of the photo.
    """


def _resize(layers: Layers, size: list[int], **_: Any) -> Layers:
    plain = layers.as_subclass(Tensor)
    resized: Tensor = F.resize_image(plain, size, interpolation=InterpolationMode.NEAREST_EXACT)
    return resized.as_subclass(Layers)


def _resized_crop(
    layers: Layers, top: int, left: int, height: int, width: int, size: list[int], **_: Any
) -> Layers:
    return _resize(F.crop(layers, top, left, height, width), size)


F.register_kernel(F.resize, Layers)(_resize)
F.register_kernel(F.resized_crop, Layers)(_resized_crop)
