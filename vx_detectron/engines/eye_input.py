"""From a photo to what an eye's network takes, and from its output to a map.

An eye is any network that maps what people look at: ours, or a guest that somebody else trained
(see ``guests``). They differ in numbers only, and an ``EyeInput`` holds those numbers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vx_detectron.errors import CheckpointError
from vx_detectron.structures import ByteArray, FloatArray

Channels = tuple[float, float, float]

LOGIT, PROBABILITY, STRETCHED = "logit", "probability", "stretched"
_LARGEST = 8192  # pixels


@dataclass(frozen=True)
class EyeInput:
    """What input a network expects, and what its output means.

    Attributes:
        side: the photo is stretched to a square of this side, in pixels; 0: any size works.
        multiple: what both sides must be a multiple of.
        mean, std: of each channel, RGB, on the scale 0..1.
        brightest: divide by the photo's largest value first, instead of 255.
        output: ``logit``; ``probability``; or ``stretched``: from its smallest value to its
            largest.
    """

    side: int = 0
    multiple: int = 32
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    brightest: bool = False
    output: str = LOGIT

    def __post_init__(self) -> None:
        sides = (self.side, self.multiple)
        if not all(type(side) is int and 0 <= side <= _LARGEST for side in sides):
            raise ValueError(f"sides must be whole numbers of up to {_LARGEST}, got {sides}")
        if self.multiple == 0 or self.output not in (LOGIT, PROBABILITY, STRETCHED):
            raise ValueError(f"multiples of {self.multiple}, or an output {self.output!r}")
        for channels in (self.mean, self.std):
            if len(channels) != 3 or not all(type(one) in (int, float) for one in channels):
                raise ValueError(f"expected a number for each of three channels, got {channels}")
        if min(self.std) <= 0:
            raise ValueError(f"std must be above 0, got {self.std}")

    def prepare(self, seen: ByteArray) -> FloatArray:
        """A photo at the size it is seen at, uint8 (h, w, 3) RGB, as float32 (1, 3, h, w)."""
        values = seen.astype(np.float32)
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


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), float32, without overflow."""
    probabilities: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return probabilities
