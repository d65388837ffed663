"""How the picture moved from one frame to the next: optical flow at a small size, and cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.structures import ByteArray, FloatArray

_SIDE = 256  # longest side at which the flow is found
# A pixel whose colour the flow explains to within so many grey levels is believed; from twice as
# many on, it is not.
_EXPLAINED = 16.0
_BINS = 32
# A cut: so many grey levels are left unexplained on average, several times as many as lately, and
# the picture holds other grey levels.
_CUT_RESIDUAL = 18.0
_CUT_TIMES = 2.5
_CUT_HISTOGRAM = 0.30
_LATELY = 0.9  # share of itself that the running mean keeps


@dataclass(frozen=True, eq=False)
class Motion:
    """From the frame before to this one.

    Attributes:
        back: float32 (h, w, 2), for each pixel of this frame where it was, as x, y offsets in
            pixels of this grid.
        trust: float32 (h, w), 0..1, how well that explains the pixel.
        cut: whether the scene changed: nothing is carried over.
    """

    back: FloatArray
    trust: FloatArray
    cut: bool

    def carry(self, field: FloatArray) -> FloatArray:
        """A field of the frame before, float32 (H, W) of any size, as it looks in this frame."""
        height, width = field.shape
        back = cv2.resize(self.back, (width, height), interpolation=cv2.INTER_LINEAR)
        scale = width / self.back.shape[1], height / self.back.shape[0]
        columns = back[..., 0] * np.float32(scale[0]) + _ruler(width)[None]
        rows = back[..., 1] * np.float32(scale[1]) + _ruler(height)[:, None]
        carried = cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(carried, dtype=np.float32)


class MotionFinder:
    """Finds the motion between frames that are given one after the other."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._before: ByteArray | None = None
        self._lately = _CUT_RESIDUAL / _CUT_TIMES

    def forget(self) -> None:
        """Start as with a first frame."""
        self._before = None
        self._lately = _CUT_RESIDUAL / _CUT_TIMES

    def state(self) -> dict[str, NDArray[Any]]:
        """What is known of the frames so far, as plain arrays."""
        known: dict[str, NDArray[Any]] = {"lately": np.array(self._lately)}
        return known if self._before is None else {**known, "before": self._before}

    def restore(self, known: Mapping[str, NDArray[Any]]) -> None:
        """Continue from the output of ``state``."""
        self._lately, self._before = float(known["lately"]), known.get("before")

    def find(self, image: ByteArray) -> Motion | None:
        """The motion up to this frame, uint8 (H, W, 3) RGB; None for the first one."""
        grey = _small_grey(image)
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape:
            return None
        back = _flow(self._flow, grey, before)
        height, width = grey.shape
        columns, rows = back[..., 0] + _ruler(width)[None], back[..., 1] + _ruler(height)[:, None]
        expected = cv2.remap(
            before, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        unexplained = cv2.blur(cv2.absdiff(grey, expected), (5, 5)).astype(np.float32)
        residual = float(unexplained.mean())
        cut = (
            residual > max(_CUT_RESIDUAL, _CUT_TIMES * self._lately)
            and _histogram_distance(before, grey) > _CUT_HISTOGRAM
        )
        self._lately = (
            _CUT_RESIDUAL / _CUT_TIMES if cut else _LATELY * self._lately + (1 - _LATELY) * residual
        )
        trust = np.clip(2 - unexplained / _EXPLAINED, 0, 1)
        # What came in over the border was nowhere before.
        inside = (columns >= -1) & (columns <= width) & (rows >= -1) & (rows <= height)
        return Motion(back, np.asarray(trust * inside, dtype=np.float32), cut)


def own_motion(first: ByteArray, second: ByteArray) -> FloatArray:
    """How much each pixel moves unlike the picture as a whole.

    The whole is a camera that pans, zooms and turns: a similarity, fitted robustly.

    Args:
        first: uint8 (H, W, 3), RGB.
        second: the same scene a moment later.

    Returns:
        float32 (h, w) over the first frame, in shares of the longest side.
    """
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = _flow(finder, _small_grey(first), _small_grey(second))
    height, width = flow.shape[:2]
    step = max(min(height, width) // 24, 1)
    rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    here = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32)
    there = here + flow[rows, columns].reshape(-1, 2)
    matrix: FloatArray | None = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=1.0)[
        0
    ]  # type: ignore[assignment]
    if matrix is None:
        return np.zeros((height, width), dtype=np.float32)
    (a, b, c), (d, e, f) = matrix.astype(np.float32)
    x, y = _ruler(width)[None], _ruler(height)[:, None]
    across, down = flow[..., 0] + x - (a * x + b * y + c), flow[..., 1] + y - (d * x + e * y + f)
    return np.asarray(np.hypot(across, down) / max(height, width), dtype=np.float32)


def _flow(finder: cv2.DISOpticalFlow, first: ByteArray, second: ByteArray) -> FloatArray:
    """Where each pixel of the first is in the second: float32 (h, w, 2), x, y offsets."""
    start = np.zeros((*first.shape, 2), dtype=np.float32)
    return np.asarray(finder.calc(first, second, start), dtype=np.float32)


def _small_grey(image: ByteArray) -> ByteArray:
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(round(width * scale), 16), max(round(height * scale), 16)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _histogram_distance(first: ByteArray, second: ByteArray) -> float:
    """Half the L1 distance of the grey levels' shares, 0..1."""
    shares = [np.bincount(one.ravel() >> 3, minlength=_BINS) / one.size for one in (first, second)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _ruler(length: int) -> FloatArray:
    return np.arange(length, dtype=np.float32)
