"""Strokes painted in any program: a picture whose green is kept and whose red is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.errors import HintError
from vx_detectron.interactive.hints import MOST_STROKE_POINTS, MOST_STROKES, Kind, Point, Stroke
from vx_detectron.structures import BoolArray, ByteArray

_VISIBLE = 128  # opacity, and the strongest channel, from which a pixel says something
_PURE = 2  # green or red is so many times the other two
_STRAY = 0.02  # share of pixels of other colours that anti-aliasing explains
_PROPORTIONS = 0.01  # so much, relative, the proportions may differ: sizes are whole numbers
_SPACINGS = (1, 2, 4)  # pixels between the lines that fill a mark; finer ones first
_KEEP, _DROP = 1, 2
Run = tuple[int, int]  # where it starts, and where it stops

_KINDS: tuple[tuple[Kind, int], ...] = (("keep", _KEEP), ("drop", _DROP))


@dataclass(frozen=True, eq=False)
class Painted:
    """What a picture of strokes marks.

    Attributes:
        labels: uint8 (H, W), 0 nothing, 1 keep, 2 drop.
    """

    labels: ByteArray

    @classmethod
    def from_pixels(cls, pixels: ByteArray, alpha: ByteArray | None = None) -> Painted:
        """Read the colours: green keeps, red drops, black and transparent mark nothing.

        Args:
            pixels: uint8 (H, W, 3), RGB.
            alpha: uint8 (H, W), 255 = opaque; None for a picture without transparency.

        Raises:
            HintError: there are other colours in it, or neither green nor red.
        """
        red, green, blue = pixels.astype(np.int16).transpose(2, 0, 1)
        seen = np.asarray(pixels.max(axis=2) >= _VISIBLE)
        if alpha is not None:
            seen &= alpha >= _VISIBLE
        keep = seen & (green >= _PURE * red) & (green >= _PURE * blue)
        drop = seen & (red >= _PURE * green) & (red >= _PURE * blue)
        other = seen & ~keep & ~drop
        if float(other.sum()) > _STRAY * float(seen.sum()):
            row, column = np.unravel_index(int(other.argmax()), other.shape)
            found = ", ".join(map(str, pixels[row, column].tolist()))
            raise HintError(
                "strokes must be green (keep) or red (drop) before black or nothing, found "
                f"rgb({found}) at {column}, {row}"
            )
        if not (keep.any() or drop.any()):
            raise HintError("strokes: nothing in the picture is green (keep) or red (drop)")
        return cls(np.where(keep, _KEEP, np.where(drop, _DROP, 0)).astype(np.uint8))

    def on(self, image_size: tuple[int, int]) -> tuple[Stroke, ...]:
        """The same marks as strokes in a photo.

        Args:
            image_size: its height and width: those of the picture, or in proportion.

        Raises:
            HintError: its proportions are others, or the marks are too many for a record.
        """
        height, width = self.labels.shape
        scale = image_size[1] / width, image_size[0] / height
        if abs(scale[0] / scale[1] - 1) > _PROPORTIONS + 1 / min(self.labels.shape):
            raise HintError(
                f"strokes: the picture has {width} x {height} pixels, the photo {image_size[1]} x "
                f"{image_size[0]}; expected the same size, or the same proportions"
            )
        labels = self.labels
        if scale[0] < 1:  # finer than the photo's own pixels
            labels = np.asarray(
                cv2.resize(labels, image_size[::-1], interpolation=cv2.INTER_NEAREST)
            )
            scale = 1.0, 1.0
        for spacing in _SPACINGS:
            brush = scale[0] * spacing, scale[1] * spacing
            # A round brush that covers the corners of squares is wider than they are.
            width = float(np.sqrt(brush[0] * brush[1])) * (2 if spacing > 1 else 1)
            strokes = [
                Stroke(kind, width, tuple((x * brush[0], y * brush[1]) for x, y in line))
                for kind, value in _KINDS
                for line in _hatched(_pooled(labels == value, spacing))
            ]
            if len(strokes) <= MOST_STROKES:
                return tuple(strokes)
        raise HintError(
            f"strokes: the picture has too many separate marks for {MOST_STROKES} strokes; use "
            "fewer and larger ones"
        )


def _pooled(mask: BoolArray, spacing: int) -> BoolArray:
    """Squares of so many pixels as one each, true where any of them is."""
    height, width = -(-mask.shape[0] // spacing), -(-mask.shape[1] // spacing)
    whole = np.zeros((height * spacing, width * spacing), dtype=np.bool_)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(whole.reshape(height, spacing, width, spacing).any(axis=(1, 3)))


def _hatched(mask: BoolArray) -> Iterator[list[Point]]:
    """Lines that cover a mask, drawn to and fro a pixel wide, row by row; none leaves it."""
    open_: list[tuple[Run, list[Point]]] = []  # each with the run that it ends in
    for row in range(mask.shape[0]):
        runs, going_on = _runs(mask[row]), []
        for last, line in open_:
            run = next((one for one in runs if one[0] < last[1] and last[0] < one[1]), None)
            if run is None or len(line) + 4 > MOST_STROKE_POINTS:
                yield line
                continue
            runs.remove(run)
            _go_on(line, last, run, row + 0.5)
            going_on.append((run, line))
        for run in runs:
            left, right = _ends(run)
            going_on.append((run, [(left, row + 0.5), (right, row + 0.5)]))
        open_ = going_on
    yield from (line for _, line in open_)


def _go_on(line: list[Point], last: Run, run: Run, below: float) -> None:
    """Draw on from one run to one of the next row that lies below it."""
    x, y = line[-1]
    left, right = _ends(run)
    near, far = (left, right) if x <= sum(last) / 2 else (right, left)
    low, high = _ends((max(last[0], run[0]), min(last[1], run[1])))
    across = min(max(near, low), high)  # where both runs are
    line += [(across, y), (across, below), (near, below), (far, below)]


def _ends(run: Run) -> Point:
    """The middles of a run's first and last pixel."""
    return run[0] + 0.5, run[1] - 0.5


def _runs(row: BoolArray) -> list[Run]:
    """Where the true parts of a row start, and where they stop."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(steps[::2], steps[1::2], strict=True)]
