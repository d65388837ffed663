"""Where the subject is in the result: remove.bg's crop_margin, scale and position."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.deliver import crop_box
from vx_detectron.image_io import Photo, changed
from vx_detectron.structures import FloatArray
from web.errors import BadOptionError

Length = tuple[float, str]  # a number, and px or %

_MOST = {"%": 50.0, "px": 500.0}  # of crop_margin, as in remove.bg's reference
_CONTEXT = 16  # pixels around the subject that its edge's colours are estimated from
_NUMBER = r"(\d{1,6}(?:\.\d{1,4})?)"


@dataclass(frozen=True)
class Placing:
    """How the subject is placed.

    Attributes:
        crop: cut the canvas to the subject and its margins.
        margins: top, right, bottom and left, in pixels or in percent of the subject's side.
        scale: 0..1, the subject's share of the canvas; None for its own size.
        position: 0..1, horizontal and vertical; None for its own place.
    """

    crop: bool = False
    margins: tuple[Length, Length, Length, Length] = ((0.0, "px"),) * 4
    scale: float | None = None
    position: tuple[float, float] | None = None


def read_placing(crop: bool, crop_margin: str, scale: str, position: str) -> Placing:
    """From the fields of the form; BadOptionError for what cannot be read."""
    size = None if scale.strip() in ("", "original") else _scale(scale)
    if position.strip() in ("", "center") and (size is not None or position.strip()):
        place: tuple[float, float] | None = (0.5, 0.5)
    elif position.strip() in ("", "original"):
        place = None
    else:
        place = _position(position)
    return Placing(crop, _margins(crop_margin), size, place)


def place(
    photo: Photo, alpha: FloatArray, how: Placing, max_pixels: int
) -> tuple[Photo, FloatArray]:
    """Move and scale the subject, with its photo, on a canvas.

    Args:
        photo: the photo that was cut.
        alpha: float32 (H, W), 0..1, of its size.
        how: where to.
        max_pixels: of the canvas.

    Returns:
        photo and alpha of the canvas' size. Where the photo does not reach, alpha is 0.

    Raises:
        BadOptionError: the canvas would be too large.
    """
    if how == Placing():
        return photo, alpha
    x0, y0, x1, y1 = crop_box(alpha)
    subject = np.array([x1 - x0, y1 - y0])
    if how.crop:
        top, right, bottom, left = _in_pixels(how.margins, subject)
        canvas, corner = subject + np.array([left + right, top + bottom]), np.array([left, top])
    else:
        canvas, corner = np.array(alpha.shape[::-1]), np.array([x0, y0])
    if canvas.prod() > max_pixels:
        raise BadOptionError(
            f"crop_margin: the result would have {canvas.prod():,} pixels, the most is "
            f"{max_pixels:,}."
        )
    factor = 1.0 if how.scale is None else how.scale * float((canvas / subject).min())
    scaled = np.clip(np.rint(subject * factor), 1, canvas)
    if how.position is not None:
        corner = np.rint((canvas - scaled) * how.position)
    elif factor != 1.0:
        corner = np.clip(np.rint(corner + (subject - scaled) / 2), 0, canvas - scaled)
    reach = np.array([x0, y0]) - np.maximum(np.array([x0, y0]) - _CONTEXT, 0)
    window = slice(y0 - reach[1], y1 + _CONTEXT), slice(x0 - reach[0], x1 + _CONTEXT)
    start = corner - np.rint(reach * factor)

    def moved(array: NDArray[Any]) -> NDArray[Any]:
        return _on_canvas(_scaled(array[window], factor), canvas, start)[0]

    placed, inside = _on_canvas(_scaled(alpha[window], factor), canvas, start)
    return changed(photo, moved), np.where(inside, placed, np.float32(0)).clip(0, 1)


def _scaled(array: NDArray[Any], factor: float) -> NDArray[Any]:
    if factor == 1.0:
        return array
    height, width = (max(round(side * factor), 1) for side in array.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(array, (width, height), interpolation=method))


def _on_canvas(
    array: NDArray[Any], canvas: NDArray[Any], start: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The array at its place, its border going on outside; and where it is itself."""
    columns = np.arange(int(canvas[0])) - int(start[0])
    rows = np.arange(int(canvas[1])) - int(start[1])
    height, width = array.shape[:2]
    picked = array[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
    within = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    return picked, within[0][:, None] & within[1]


def _in_pixels(margins: tuple[Length, ...], subject: NDArray[Any]) -> list[int]:
    """Top, right, bottom, left; percents are of the subject's height, or of its width."""
    sides = (subject[1], subject[0], subject[1], subject[0])
    return [
        round(number * side / 100 if unit == "%" else number)
        for (number, unit), side in zip(margins, sides, strict=True)
    ]


def _margins(text: str) -> tuple[Length, Length, Length, Length]:
    wrong = BadOptionError(
        "crop_margin: expected one, two or four lengths, such as 30px or 10%, at most 500px or "
        f"50% each; got {text!r}."
    )
    lengths: list[Length] = []
    for word in text.split() or ["0"]:
        match = re.fullmatch(rf"{_NUMBER}(px|%|)", word)
        if match is None or float(match[1]) > _MOST[match[2] or "px"]:
            raise wrong
        lengths.append((float(match[1]), match[2] or "px"))
    if len(lengths) not in (1, 2, 4):
        raise wrong
    top, right, bottom, left = (lengths * 4)[:4]  # of two, the second is left and right
    return top, right, bottom, left


def _scale(text: str) -> float:
    match = re.fullmatch(rf"{_NUMBER}%", text.strip())
    if match is None or not 10 <= float(match[1]) <= 100:
        raise BadOptionError(f"scale: expected original, or 10% to 100%; got {text!r}.")
    return float(match[1]) / 100


def _position(text: str) -> tuple[float, float]:
    numbers = [re.fullmatch(rf"{_NUMBER}%", word) for word in text.split()]
    shares = [float(match[1]) / 100 for match in numbers if match]
    if len(shares) not in (1, 2) or len(shares) != len(numbers) or max(shares) > 1:
        raise BadOptionError(
            "position: expected original, center, or one or two of 0% to 100%, such as "
            f"50% 100%; got {text!r}."
        )
    return shares[0], shares[-1]
