"""One photo in memory: its colours, its own transparency, and what results keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.image_io.transparency import lay_over


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo, upright.

    EXIF is not kept: the orientation is applied already and no viewer must apply it again, and
    locations, names and serial numbers do not belong in a cut-out.

    Attributes:
        pixels: uint8 (H, W, 3), RGB, EXIF orientation applied, as it is seen: what is transparent
            shows a plain colour that its edges stand out from, mostly white.
        source: where it came from, for messages.
        format: as decoded, such as ``JPEG``.
        icc_profile: the RGB colour profile that ``pixels`` are in; None means sRGB.
        dpi: density along x and y in pixels per inch; None when the file states none.
        frames: pictures in an animation, or pages; only one is in ``pixels``.
        alpha: uint8 (H, W), the photo's own, 0 = transparent .. 255; None where all is opaque.
        straight: uint8 (H, W, 3), RGB, the colours without what shows through them, not multiplied
            with alpha; None where ``alpha`` is.
        alpha_ignored: whether the file's alpha was zero everywhere, and was therefore ignored.
        notes: what was done to it that its owner may want to know, one line each.
    """

    pixels: NDArray[np.uint8]
    source: str
    format: str
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    frames: int = 1
    alpha: NDArray[np.uint8] | None = None
    straight: NDArray[np.uint8] | None = None
    alpha_ignored: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _expect("pixels", self.pixels, "HxWx3")
        if (self.alpha is None) != (self.straight is None):
            raise ValueError("alpha and straight belong together: pass both, or neither")
        if self.alpha is not None and self.straight is not None:
            _expect("alpha", self.alpha, "HxW", self.pixels)
            _expect("straight", self.straight, "HxWx3", self.pixels)

    @property
    def had_alpha(self) -> bool:
        """Whether some pixel in the file is transparent."""
        return self.alpha is not None or self.alpha_ignored

    @property
    def colours(self) -> NDArray[np.uint8]:
        """The colours for results, uint8 (H, W, 3): ``straight`` if there is transparency."""
        return self.pixels if self.straight is None else self.straight

    @property
    def flat(self) -> NDArray[np.uint8]:
        """The photo on white, uint8 (H, W, 3), as most programs show it."""
        if self.alpha is None:
            return self.pixels
        return lay_over(self.colours, self.alpha)

    @property
    def layer(self) -> NDArray[np.uint8]:
        """The photo as it is: uint8 (H, W, 3), RGB, or (H, W, 4), RGBA with straight alpha."""
        if self.alpha is None:
            return self.pixels
        return np.dstack([self.colours, self.alpha])

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = (self.pixels, self.alpha, self.straight)
        return sum(one.nbytes for one in arrays if one is not None)

    def scaled(self, height: int, width: int) -> Photo:
        """The photo, smaller. What is transparent lends its colour to nothing."""

        def scale(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
            small = cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)
            return np.asarray(small, dtype=np.uint8)

        small = self._with(scale)
        if self.alpha is None or self.straight is None or small.alpha is None:
            return small
        # Straight colours are weighed by their alpha, and what nothing is seen of stays black.
        weighed = cv2.multiply(self.straight, cv2.merge([self.alpha] * 3), scale=1 / 255)
        opacity = np.maximum(small.alpha, 1)[..., None]
        straight = np.minimum(np.rint(scale(np.asarray(weighed)) * (255 / opacity)), 255)
        return replace(small, straight=straight.astype(np.uint8))

    def _with(self, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Photo:
        return replace(
            self,
            pixels=change(self.pixels),
            alpha=None if self.alpha is None else change(self.alpha),
            straight=None if self.straight is None else change(self.straight),
        )


def _expect(
    name: str,
    array: NDArray[np.uint8],
    shape: Literal["HxW", "HxWx3"],
    like: NDArray[np.uint8] | None = None,
) -> None:
    """ValueError unless it is uint8 of that shape, not empty, and of the other's size."""
    good = array.ndim == shape.count("x") + 1 and (array.ndim == 2 or array.shape[2] == 3)
    if array.dtype != np.uint8 or not good or not array.size:
        raise ValueError(
            f"{name} must be uint8 of shape {shape} and not empty, "
            f"got {array.dtype.name} of shape {'x'.join(map(str, array.shape))}"
        )
    if like is not None and like.shape[:2] != array.shape[:2]:
        raise ValueError(f"{name} must have the size {like.shape[:2]}, got {array.shape[:2]}")
