"""Where the subject is in the result: its canvas, its size and its position on it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.deliver.boxes import check_margin, crop_box, space_around, visible_box
from vx_detectron.errors import ConfigError
from vx_detectron.structures import ByteArray, FloatArray

MOST_PIXELS = 64_000_000  # of a canvas
_MOST_SIDE = 20_000
_RATIOS = 1 / 20, 20.0  # the narrowest and the widest canvas
_CONTEXT = 2  # pixels around the subject that scaling mixes in


@dataclass(frozen=True)
class Canvas:
    """The shape of the result.

    Attributes:
        width: in pixels; or, as a ratio, to the height.
        height: in pixels; or, as a ratio, to the width.
        exact: whether these are pixels, to which the subject is scaled. Otherwise the subject
            keeps its size, and the canvas is as large as subject and margin need.

    Example:
        >>> parse_canvas("4:5")
        Canvas(width=4.0, height=5.0, exact=False)
    """

    width: float
    height: float
    exact: bool

    def __post_init__(self) -> None:
        sides = self.width, self.height
        if not all(0 < side < math.inf for side in sides):
            raise ValueError(f"a canvas needs sides above 0, got {sides}")
        if not _RATIOS[0] <= self.width / self.height <= _RATIOS[1]:
            raise ValueError(f"a canvas may be at most 20 times as long as wide, got {sides}")
        if self.exact and (max(sides) > _MOST_SIDE or math.prod(sides) > MOST_PIXELS):
            raise ValueError(
                f"a canvas may have at most {MOST_PIXELS:,} pixels, and {_MOST_SIDE:,} per side, "
                f"got {sides}"
            )

    def within(self, pixels: float) -> Canvas:
        """The same with so many pixels at most; a ratio is as it is."""
        shrink = math.sqrt(pixels / (self.width * self.height))
        if not self.exact or shrink >= 1:
            return self
        width, height = (max(round(side * shrink), 1) for side in (self.width, self.height))
        return Canvas(width, height, exact=True)


@dataclass(frozen=True)
class Placement:
    """Where the subject is.

    Attributes:
        canvas: the shape of the result, with the subject in its middle; None for the photo's own
            frame, or, with ``crop``, the box around the subject.
        scale: factor on the subject's size, about its middle, 0.05..5.
        move: how far it is moved to the right and down, as shares of the canvas, -1..1.

    Raises:
        ValueError: a value out of its range.
    """

    canvas: Canvas | None = None
    scale: float = 1.0
    move: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.05 <= self.scale <= 5:
            raise ValueError(f"scale must be 5 to 500 %, got {100 * self.scale:g}")
        if not all(abs(share) <= 1 for share in self.move):
            raise ValueError(
                "move must be -100 to 100 % of the canvas, to the right and down, got "
                f"{100 * self.move[0]:g}, {100 * self.move[1]:g}"
            )


@dataclass(frozen=True)
class Layout:
    """A canvas, and where on it the photo lies.

    Attributes:
        width: of the canvas, in pixels.
        height: of the canvas, in pixels.
        factor: pixels of the canvas per pixel of the photo.
        left: column of the canvas where the photo begins; may lie outside.
        top: row of the canvas where it begins.
        photo: the photo's height and width.
        frame: rows and columns of the photo that the canvas is the frame of, wherever the subject
            was moved to; None for a canvas of its own.
    """

    width: int
    height: int
    factor: float
    left: int
    top: int
    photo: tuple[int, int]
    frame: tuple[slice, slice] | None

    @property
    def view(self) -> tuple[slice, slice] | None:
        """Rows and columns of the photo that are the canvas; None where it is not a part of it."""
        inside = self.left <= 0 and self.top <= 0 and self.factor == 1
        bottom, right = self.height - self.top, self.width - self.left
        if not inside or bottom > self.photo[0] or right > self.photo[1]:
            return None
        return slice(-self.top, bottom), slice(-self.left, right)

    def carry(self, colours: ByteArray, alpha: FloatArray) -> tuple[ByteArray, FloatArray]:
        """Colours and alpha of the photo's size, on the canvas.

        Args:
            colours: uint8 (H, W, 3), RGB.
            alpha: float32 (H, W), 0..1.

        Returns:
            uint8 (height, width, 3) and float32 (height, width): parts of what was given where
            the canvas is a part of the photo. Elsewhere what is not the subject is black.
        """
        if self.view is not None:
            return colours[self.view], alpha[self.view]
        x0, y0, x1, y1 = crop_box(alpha)
        x0, y0 = max(x0 - _CONTEXT, 0), max(y0 - _CONTEXT, 0)
        window = slice(y0, y1 + _CONTEXT), slice(x0, x1 + _CONTEXT)
        part, share = _scaled(colours[window], alpha[window], self.factor)
        corner = round(self.top + self.factor * y0), round(self.left + self.factor * x0)
        return self._put(part, corner), self._put(share, corner)

    def _put(self, part: ByteArray | FloatArray, corner: tuple[int, int]):  # type: ignore[no-untyped-def]
        """The part at its row and column on an empty canvas; what sticks out is cut off."""
        canvas = np.zeros((self.height, self.width, *part.shape[2:]), dtype=part.dtype)
        here, there = [], []
        for start, length, room in zip(corner, part.shape[:2], canvas.shape[:2], strict=True):
            first, last = max(start, 0), max(min(start + length, room), max(start, 0))
            here.append(slice(first, last))
            there.append(slice(first - start, last - start))
        canvas[tuple(here)] = part[tuple(there)]
        return canvas


def lay_out(alpha: FloatArray, placement: Placement, crop: bool, margin: float) -> Layout:
    """Find the canvas and the photo's place on it.

    Args:
        alpha: float32 (H, W), 0..1, of the photo.
        placement: what is asked for.
        crop: without a canvas: cut the result to the subject's box and ``margin``.
        margin: space around the subject, as a share of its longer side; with ``crop`` or a canvas.

    Raises:
        ValueError: a negative margin, or both a crop and a canvas.
    """
    check_margin(margin)
    if placement.canvas is not None and crop:
        raise ValueError("choose crop or a canvas, not both: a canvas already fits the subject")
    height, width = alpha.shape
    box = visible_box(alpha) or (0, 0, width, height)
    if placement.canvas is not None:
        size, factor, corner = _on_canvas(box, placement.canvas, margin)
        frame = None
    else:
        x0, y0, x1, y1 = crop_box(alpha, margin) if crop else (0, 0, width, height)
        size, factor, corner = (x1 - x0, y1 - y0), 1.0, (-x0, -y0)
        frame = slice(y0, y1), slice(x0, x1)
    left, top = corner
    if placement.scale != 1:
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        left += factor * (1 - placement.scale) * middle[0]
        top += factor * (1 - placement.scale) * middle[1]
        factor *= placement.scale
    left += placement.move[0] * size[0]
    top += placement.move[1] * size[1]
    return Layout(*size, factor, round(left), round(top), (height, width), frame)


def parse_canvas(text: str) -> Canvas:
    """Read a canvas as written in a form or on a command line.

    Args:
        text: a ratio such as ``4:5``, or pixels such as ``1600x1600``.

    Raises:
        ConfigError: anything else.
    """
    number = r"(\d{1,5}(?:\.\d{1,4})?)"
    ratio = re.fullmatch(f"{number}:{number}", text.strip())
    match = ratio or re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip())
    if match is None:
        raise ConfigError(
            f"canvas must be a ratio such as 4:5, or pixels such as 1600x1600; got {text!r}"
        )
    try:
        return Canvas(float(match[1]), float(match[2]), exact=ratio is None)
    except ValueError as error:
        raise ConfigError(f"canvas {text!r}: {error}") from error


def _on_canvas(
    box: tuple[int, int, int, int], canvas: Canvas, margin: float
) -> tuple[tuple[int, int], float, tuple[float, float]]:
    """Width and height, the photo's factor, and its corner, with the box in the middle."""
    x0, y0, x1, y1 = box
    ratio = canvas.width / canvas.height
    space = space_around(box, margin)
    width = max(x1 - x0 + 2 * space, (y1 - y0 + 2 * space) * ratio)
    wanted = canvas.width if canvas.exact else min(width, math.sqrt(MOST_PIXELS * ratio))
    factor = wanted / width if canvas.exact or wanted < width else 1.0
    size = max(round(wanted), 1), max(round(wanted / ratio), 1)
    corner = (size[0] - factor * (x0 + x1)) / 2, (size[1] - factor * (y0 + y1)) / 2
    return size, factor, corner


def _scaled(colours: ByteArray, alpha: FloatArray, factor: float) -> tuple[ByteArray, FloatArray]:
    """Both at another size; colours of pixels that are not the subject's are not mixed in."""
    if factor == 1:
        return colours, alpha
    height, width = (max(round(side * factor), 1) for side in alpha.shape)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    # Cubic interpolation overshoots, colours and alpha alike: clip after the division.
    share = cv2.resize(alpha, (width, height), interpolation=method)
    weighted = colours * alpha[..., None]
    mixed = cv2.resize(weighted, (width, height), interpolation=method)
    own = mixed / np.maximum(share, 1e-3)[..., None]
    bounded = np.asarray(share.clip(0, 1), dtype=np.float32)
    return np.rint(own).clip(0, 255).astype(np.uint8), bounded
