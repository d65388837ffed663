"""From a photo to what an eye's network takes, and from its output to a map: one table row each.

An eye is any network that maps what people look at: ours, or a guest that somebody else trained.
They differ in numbers only, so an ``EyeInput`` holds those numbers, and nothing else differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from PIL import Image

from vx_detectron.engines.preprocess import input_size
from vx_detectron.errors import CheckpointError
from vx_detectron.structures import ByteArray, FloatArray

Channels = tuple[float, float, float]

LOGIT, PROBABILITY, STRETCHED = "logit", "probability", "stretched"
_LARGEST = 8192  # pixels
_CERTAIN = 7.0  # log-odds beyond it count as it: one look that is sure must not silence the others


@dataclass(frozen=True)
class EyeInput:
    """How a network wants its photo, and what its output means.

    Attributes:
        shortest: short side of the photo in pixels of the network's input; both sides where
            ``square``.
        longest: limit to the long side, in pixels.
        square: the photo is stretched to a square; else it keeps its shape.
        multiple: both sides are rounded to multiples of it.
        mean, std: of each channel, RGB, on the scale 0..1.
        brightest: divide by the photo's largest value instead of 255 first.
        output: ``logit``; ``probability``; or ``stretched``: from its least to its greatest value.
    """

    shortest: int = 320
    longest: int = 512
    square: bool = False
    multiple: int = 32
    mean: Channels = (0.5, 0.5, 0.5)
    std: Channels = (0.5, 0.5, 0.5)
    brightest: bool = False
    output: str = LOGIT

    def __post_init__(self) -> None:
        sides = (self.shortest, self.longest, self.multiple)
        if not all(type(side) is int and 1 <= side <= _LARGEST for side in sides):
            raise ValueError(f"sides must be whole numbers of 1 to {_LARGEST}, got {sides}")
        if self.longest < self.shortest or self.output not in (LOGIT, PROBABILITY, STRETCHED):
            raise ValueError(f"a limit of {self.longest} px or an output {self.output!r}")
        for channels in (self.mean, self.std):
            if len(channels) != 3 or not all(type(one) in (int, float) for one in channels):
                raise ValueError(f"expected a number for each of three channels, got {channels}")
        if min(self.std) <= 0:
            raise ValueError(f"std must be above 0, got {self.std}")

    def size(self, height: int, width: int, shortest: int | None = None) -> tuple[int, int]:
        """Height and width of the network's input for a photo of that size."""
        shorter = shortest or self.shortest
        if self.square:
            return shorter, shorter
        longer = round(self.longest * shorter / self.shortest)
        sides = input_size(height, width, shorter, longer)
        rounded = [max(round(side / self.multiple), 1) * self.multiple for side in sides]
        return rounded[0], rounded[1]

    def prepare(self, image: ByteArray, shortest: int | None = None) -> FloatArray:
        """The photo, uint8 (H, W, 3) RGB, as float32 (1, 3, h, w)."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"the photo must be uint8 of shape HxWx3, got {image.dtype} of shape {image.shape}"
            )
        height, width = self.size(image.shape[0], image.shape[1], shortest)
        resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        values = np.asarray(resized, dtype=np.float32)
        values = values / np.float32(max(float(values.max()), 1.0) if self.brightest else 255.0)
        mean, std = (np.array(one, dtype=np.float32) for one in (self.mean, self.std))
        values = (values - mean) / std
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)

    def probabilities(self, output: FloatArray) -> FloatArray:
        """The network's output (h, w) as probabilities, float32 (h, w)."""
        values = output.astype(np.float32)
        if self.output == LOGIT:
            return sigmoid(values)
        if self.output == PROBABILITY:
            return values.clip(0.0, 1.0)
        least, most = float(values.min()), float(values.max())
        if most - least < 1e-6:  # all alike: nothing stands out
            return np.zeros_like(values)
        stretched: FloatArray = (values - np.float32(least)) / np.float32(most - least)
        return stretched

    def to_text(self) -> str:
        """As json, which ``from_text`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> EyeInput:
        """What ``to_text`` wrote.

        Raises:
            CheckpointError: it is not json, or of another version of this record.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            plain: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
            return cls(**plain)
        except (AttributeError, TypeError, ValueError) as error:
            raise CheckpointError(f"the metadata of this eye cannot be read: {error}") from error


def _square(
    side: int, mean: Channels, std: Channels, output: str = STRETCHED, brightest: bool = False
) -> EyeInput:
    return EyeInput(side, side, True, 1, mean, std, brightest, output)


_IMAGENET: tuple[Channels, Channels] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_ISNET = _square(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
_U2NET = _square(320, *_IMAGENET, brightest=True)

# Public salient-object networks as ONNX files, by the start of the file's name, each fed as its
# authors feed it.
GUESTS: Mapping[str, EyeInput] = MappingProxyType(
    {
        "u2net": _U2NET,  # u2netp and u2net_human_seg too
        "silueta": _U2NET,
        "isnet": _ISNET,
        "rmbg-1.4": _ISNET,
        "bria-rmbg": _square(1024, *_IMAGENET),  # 2.0
        "birefnet": _square(1024, *_IMAGENET, LOGIT),
    }
)


def guest(name: str) -> EyeInput | None:
    """The row of ``GUESTS`` for a file of that name, such as ``isnet-general-use.onnx``."""
    lower = name.lower()
    return next((row for start, row in GUESTS.items() if lower.startswith(start)), None)


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), float32, without overflow."""
    probabilities: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return probabilities


def mean_of_looks(maps: list[FloatArray]) -> FloatArray:
    """Several maps of one photo, as one of the first one's size: their mean, as log-odds."""
    if len(maps) == 1:
        return maps[0]
    height, width = maps[0].shape
    resized = [cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR) for one in maps]
    limit = float(1 / (1 + np.exp(_CERTAIN)))
    bounded = [one.clip(limit, 1 - limit) for one in resized]
    odds = np.stack([np.log(one / (1 - one)) for one in bounded])
    return sigmoid(odds.mean(axis=0, dtype=np.float32))
