"""Detectron2's own ways to crop and scale, as torchvision transforms, under its names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from vx_detectron.engines.preprocess import input_size
from vx_detectron.errors import ConfigError


class _Resize(v2.Transform):  # type: ignore[misc]
    """Bilinear with antialiasing, as Pillow and hence Detectron2 do it."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Resize a photo or its masks to the size drawn."""
        return F.resize(inpt, params["size"], antialias=True)


class ResizeShortestEdge(_Resize):
    """Scale the shorter side to a length drawn at random, the longer one to no more than a limit.

    Args:
        short_edge_length: pixels; the lengths to draw from ("choice"), or the least and the
            greatest ("range"). 0 keeps the photo's own.
        max_size: limit of the longer side, in pixels.
        sample_style: "choice" or "range".

    Raises:
        ConfigError: no lengths, or a range that is none.
    """

    def __init__(self, short_edge_length: Sequence[int], max_size: int, sample_style: str) -> None:
        super().__init__()
        self.lengths: Sequence[int] = short_edge_length
        if sample_style == "range" and len(short_edge_length) == 2:
            self.lengths = range(short_edge_length[0], short_edge_length[1] + 1)
        elif sample_style == "range":
            self.lengths = ()
        if not self.lengths or min(self.lengths) < 0:
            raise ConfigError(
                "INPUT.MIN_SIZE_TRAIN must be one or more lengths in pixels, or for "
                f"MIN_SIZE_TRAIN_SAMPLING range the least and the greatest, got {short_edge_length}"
            )
        self.max_size = max_size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw a length; the height and width that it gives."""
        height, width = v2.query_size(flat_inputs)
        length = self.lengths[_randint(len(self.lengths))]
        return {"size": list(input_size(height, width, length, self.max_size))}


class ResizeScale(_Resize):
    """Fit the photo into a square, and scale that by a random factor, its proportions kept.

    The first half of large-scale jitter (Ghiasi et al., "Simple Copy-Paste is a Strong Data
    Augmentation Method for Instance Segmentation", CVPR 2021).

    Args:
        scale: the least and the greatest factor.
        target: side of the square, in pixels.
    """

    def __init__(self, scale: Sequence[float], target: int) -> None:
        super().__init__()
        self.scale, self.target = scale, target

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw a factor; the height and width that it gives."""
        size = v2.query_size(flat_inputs)
        factor = torch.empty(()).uniform_(*self.scale).item() * self.target / max(size)
        return {"size": [max(round(side * factor), 1) for side in size]}


class RandomCrop(v2.Transform):  # type: ignore[misc]
    """``INPUT.CROP``: a part of the photo, before it is scaled.

    Args:
        crop_type: how ``size`` is meant: "relative", a share of height and width;
            "relative_range", a share drawn from there to 1; "absolute", pixels;
            "absolute_range", a side drawn from the first to the second, in pixels.
        size: two numbers, height and width unless it is a range of pixels.

    Raises:
        ConfigError: a size that does not fit the type.
    """

    def __init__(self, crop_type: str, size: Sequence[float]) -> None:
        super().__init__()
        most = 1 if crop_type.startswith("relative") else math.inf
        fits = len(size) == 2 and all(0 < one <= most for one in size)
        if not fits or (crop_type == "absolute_range" and size[0] > size[1]):
            raise ConfigError(
                "INPUT.CROP.SIZE must be two shares within 0..1 for the relative types, and two "
                "numbers of pixels for the absolute ones, in order for absolute_range, got "
                f"{crop_type} {size}"
            )
        self.crop_type, self.size = crop_type, size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw where the crop lies, and for a range how large it is."""
        whole = v2.query_size(flat_inputs)
        sides = [self._side(axis, length) for axis, length in enumerate(whole)]
        top, left = (_randint(long - short + 1) for long, short in zip(whole, sides, strict=True))
        return {"top": top, "left": left, "height": sides[0], "width": sides[1]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Crop a photo or its masks."""
        return F.crop(inpt, **params)

    def _side(self, axis: int, length: int) -> int:
        """Pixels of the crop along one axis of that many pixels."""
        side = self.size[axis]
        if self.crop_type == "absolute":
            return max(int(min(side, length)), 1)
        if self.crop_type == "absolute_range":
            least, most = (max(int(min(side, length)), 1) for side in self.size)
            return least + _randint(most - least + 1)
        if self.crop_type == "relative_range":
            side += torch.rand(()).item() * (1 - side)
        return max(int(length * side + 0.5), 1)


def _randint(count: int) -> int:
    return int(torch.randint(count, ()))
