"""The cut's edge, moved and softened by hand after all refinement."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.deliver.checks import check_alpha
from vx_detectron.structures import FloatArray

MOST_GROW, MOST_FEATHER = 100.0, 200.0  # pixels

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


@dataclass(frozen=True)
class Edge:
    """How far the edge is moved, and how wide it fades.

    Attributes:
        grow: pixels by which to grow the subject on every side; negative values shrink it.
        feather: width in pixels over which the edge fades, 0 or more.

    Raises:
        ValueError: more than 100 pixels of growth or 200 of feather, or no number.

    Example:
        >>> alpha = np.zeros((9, 9), np.float32)
        >>> alpha[3:6, 3:6] = 1
        >>> int(Edge(grow=-1).apply(alpha).sum()), int(Edge(grow=1).apply(alpha).sum())
        (1, 21)
    """

    grow: float = 0.0
    feather: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.grow) <= MOST_GROW:
            raise ValueError(
                f"grow must be -{MOST_GROW:g} to {MOST_GROW:g} pixels, got {self.grow}"
            )
        if not 0 <= self.feather <= MOST_FEATHER:
            raise ValueError(f"feather must be 0 to {MOST_FEATHER:g} pixels, got {self.feather}")

    def scaled(self, factor: float) -> Edge:
        """The same edge in a photo that is larger by this factor."""
        return Edge(self.grow * factor, self.feather * factor)

    def apply(self, alpha: FloatArray) -> FloatArray:
        """The mask with its edge moved and softened.

        Args:
            alpha: float32 (H, W), 0..1; it is not changed.

        Returns:
            float32 (H, W), 0..1; alpha itself where there is nothing to do.
        """
        check_alpha(alpha)
        if not self.grow and not self.feather:
            return alpha
        moved = _moved(alpha, self.grow) if self.grow else alpha
        if self.feather:
            # A Gaussian of this width takes a step from 2 % to 98 % over about the feather.
            blurred = cv2.GaussianBlur(moved, (0, 0), self.feather / 4, borderType=_EDGE)
            moved = np.asarray(blurred, dtype=np.float32)
        return np.clip(moved, 0, 1)


_EDGE = cv2.BORDER_REPLICATE  # a subject that leaves the frame stays whole there


def _moved(alpha: FloatArray, grow: float) -> FloatArray:
    """Grown by octagons, pixel by pixel, and by a part of one more."""
    step = cv2.dilate if grow > 0 else cv2.erode
    whole, rest = divmod(abs(grow), 1.0)
    moved = alpha
    for count in range(int(whole)):
        moved = np.asarray(step(moved, _SQUARE if count % 2 else _CROSS), dtype=np.float32)
    if rest:
        moved = moved + np.float32(rest) * (step(moved, _CROSS) - moved)
    return np.asarray(moved, dtype=np.float32)
