"""The shadow that the subject casts on its new background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from vx_detectron.deliver.boxes import visible_box
from vx_detectron.errors import ConfigError
from vx_detectron.structures import FloatArray

Kind = Literal["soft", "contact"]

# Lengths, as shares of the longer side of what is seen of the subject.
_DROP = 0.025  # a soft shadow lies so far below the subject, ...
_BLUR = 0.03  # ... and is blurred by so much
_FOOT = 0.16  # what stands on the ground: the subject's lowest part, so high, ...
_FLAT = 0.3  # ... as flat as this seen from the front
_NEAR, _FAR = 0.006, 0.028  # a contact shadow is dark right at the foot, and fades out
_REACH = 4  # blurs that a shadow is seen around the subject


@dataclass(frozen=True)
class Shadow:
    """A shadow.

    Attributes:
        kind: ``soft`` falls on a wall behind the subject; ``contact`` lies on the ground, where
            the subject stands.
        strength: how dark it is, in percent, 1..100.

    Example:
        >>> parse_shadow("contact:60")
        Shadow(kind='contact', strength=60.0)
    """

    kind: Kind = "soft"
    strength: float = 40.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"a shadow is {' or '.join(get_args(Kind))}, got {self.kind!r}")
        if not 1 <= self.strength <= 100:
            raise ValueError(f"a shadow's strength must be 1 to 100 %, got {self.strength}")

    def cast(self, alpha: FloatArray) -> FloatArray:
        """How dark the background gets.

        Args:
            alpha: float32 (H, W), 0..1, of the subject where it stands.

        Returns:
            float32 (H, W), 0..1: the share of the light that is taken away.
        """
        dark = np.zeros_like(alpha)
        box = visible_box(alpha)
        if box is None:
            return dark
        x0, y0, x1, y1 = box
        side = max(x1 - x0, y1 - y0)
        space = int(np.ceil(side * (_DROP + _REACH * _BLUR)))
        # Only around the subject; the blur wants the shadow whole, beyond the frame too.
        part = np.pad(alpha[y0:y1, x0:x1], space)
        drawn = (_soft if self.kind == "soft" else _contact)(part, side, space)
        drawn *= np.float32(self.strength / 100)
        top, left = max(y0 - space, 0), max(x0 - space, 0)
        bottom, right = min(y1 + space, alpha.shape[0]), min(x1 + space, alpha.shape[1])
        rows = slice(top - (y0 - space), bottom - (y0 - space))
        columns = slice(left - (x0 - space), right - (x0 - space))
        dark[top:bottom, left:right] = drawn[rows, columns]
        return dark.clip(0, 1)


def parse_shadow(text: str) -> Shadow | None:
    """Read a shadow as written in a form or on a command line.

    Args:
        text: ``none``, ``soft``, ``contact``, or either with its strength, such as ``soft:60``.

    Raises:
        ConfigError: anything else.
    """
    kind, colon, strength = text.strip().lower().partition(":")
    if kind == "none" and not colon:
        return None
    try:
        if not colon:
            return Shadow(kind)  # type: ignore[arg-type]  # which checks it
        return Shadow(kind, float(strength.removesuffix("%")))  # type: ignore[arg-type]
    except ValueError as error:
        raise ConfigError(
            f"shadow must be none, soft, contact, soft:PERCENT or contact:PERCENT with 1 to 100; "
            f"got {text!r}"
        ) from error


def _soft(part: FloatArray, side: int, space: int) -> FloatArray:
    drop = round(_DROP * side)
    fallen = np.zeros_like(part)
    fallen[drop:] = part[: len(part) - drop]
    return _blurred(fallen, _BLUR * side)


def _contact(part: FloatArray, side: int, space: int) -> FloatArray:
    """The foot laid flat on the ground: dark and narrow beside wide and faint."""
    bottom = len(part) - space
    top = max(bottom - max(round(_FOOT * side), 1), space)
    foot = part[top:bottom]
    height = max(round(len(foot) * _FLAT), 1)
    flat = cv2.resize(foot, (foot.shape[1], height), interpolation=cv2.INTER_AREA)
    ground = np.zeros_like(part)
    middle = bottom - height // 2
    ground[middle : middle + height] = flat
    return 0.55 * _blurred(ground, _NEAR * side) + 0.75 * _blurred(ground, _FAR * side)


def _blurred(picture: FloatArray, sigma: float) -> FloatArray:
    """A wide blur, worked out small: it is smooth."""
    sigma = max(sigma, 0.3)
    shrink = min(1.0, 4.0 / sigma)
    height, width = picture.shape
    size = max(round(width * shrink), 1), max(round(height * shrink), 1)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma * shrink, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
