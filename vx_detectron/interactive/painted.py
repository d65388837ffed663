"""Strokes painted in any program: a picture whose green is to be kept and whose red is dropped."""

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
_KEEP, _DROP = 1, 2
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
        """Read the colours: green keeps, red drops, black and transparent say nothing.

        Args:
            pixels: uint8 (H, W, 3), RGB.
            alpha: uint8 (H, W), 255 = opaque; None for a picture without transparency.

        Raises:
            HintError: there are other colours in it, or neither green nor red.
        """
        colours = pixels.astype(np.int16)
        red, green, blue = (np.asarray(colours[..., one]) for one in range(3))
        seen = np.asarray(colours.max(axis=2) >= _VISIBLE)
        if alpha is not None:
            seen &= alpha >= _VISIBLE
        keep = seen & (green >= _PURE * red) & (green >= _PURE * blue)
        drop = seen & (red >= _PURE * green) & (red >= _PURE * blue)
        other = seen & ~keep & ~drop
        if np.count_nonzero(other) > _STRAY * max(np.count_nonzero(seen), 1):
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
        for spacing in (1, 2, 4, 8, 16):
            strokes = [
                Stroke(kind, spacing * float(np.sqrt(scale[0] * scale[1])), _moved(line, scale))
                for kind, value in _KINDS
                for line in _hatched(labels == value, spacing)
            ]
            if len(strokes) <= MOST_STROKES:
                return tuple(strokes)
        raise HintError(
            f"strokes: the picture has too many separate marks for {MOST_STROKES} strokes; use "
            "fewer and larger ones"
        )


def _moved(line: list[Point], scale: tuple[float, float]) -> tuple[Point, ...]:
    return tuple((x * scale[0], y * scale[1]) for x, y in line)


def _hatched(mask: BoolArray, spacing: int) -> Iterator[list[Point]]:
    """Lines that cover a mask, drawn to and fro in rows so far apart; none leaves the mask."""
    open_: list[tuple[tuple[int, int], list[Point]]] = []  # each with the run that it ends in
    for row in range(spacing // 2, mask.shape[0], spacing):
        runs, going_on = _runs(mask[row]), []
        for last, line in open_:
            run = next((one for one in runs if one[0] < last[1] and last[0] < one[1]), None)
            if run is None or len(line) + 4 > MOST_STROKE_POINTS:
                yield line
                continue
            runs.remove(run)
            _go_on(line, last, run, row, spacing)
            going_on.append((run, line))
        for run in runs:
            first, end = _ends(run, spacing)
            y = row + 0.5 * (spacing % 2)
            going_on.append((run, [(first, y), (end, y)]))
        open_ = going_on
    yield from (line for _, line in open_)


def _go_on(
    line: list[Point], last: tuple[int, int], run: tuple[int, int], row: int, spacing: int
) -> None:
    """Draw on from one run to one of the next row that lies below it."""
    (x, y), below = line[-1], row + 0.5 * (spacing % 2)
    left, right = _ends(run, spacing)
    near, far = (left, right) if x <= sum(last) / 2 else (right, left)
    low, high = _ends((max(last[0], run[0]), min(last[1], run[1])), spacing)
    across = min(max(near, low), high)  # where both runs are
    line += [(across, y), (across, below), (near, below), (far, below)]


def _ends(run: tuple[int, int], width: int) -> Point:
    """Where a brush of that width begins and ends to cover a run; in the middle of a short one."""
    inset = min(width, run[1] - run[0]) / 2
    return run[0] + inset, run[1] - inset


def _runs(row: BoolArray) -> list[tuple[int, int]]:
    """Where the true parts of a row start, and where they stop."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(steps[::2], steps[1::2], strict=True)]
