"""One opened photo and the results of its hints, so that nothing is computed twice."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

import cv2
import numpy as np

from vx_detectron.interactive.hints import Hints
from vx_detectron.interactive.marks import box_window, draw, obey
from vx_detectron.interactive.reach import within_reach
from vx_detectron.interactive.segmenter import InteractiveSegmenter
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances

WORKING_PIXELS = 2**20  # the largest picture that a segmenter sees

_KEPT = 8  # masks remembered: enough to undo a few strokes, and to go on from any of them


class HintSession:
    """Passes hints to a segmenter one after the other, and remembers the results.

    The same hints give the same mask, whatever came before.

    Args:
        image: uint8 (H, W, 3), RGB, the photo. It is not kept.
        instances: what was found in it.
        segmenter: what interprets the hints.

    Attributes:
        image: uint8 (h, w, 3), RGB, the photo at the size that the segmenter sees.
    """

    def __init__(
        self, image: ByteArray, instances: Instances, segmenter: InteractiveSegmenter
    ) -> None:
        self._photo = image.shape[0], image.shape[1]
        self.image = _shrunk(image)
        self._segmentation = segmenter.open(self.image, instances)
        self._redraws = segmenter.redraws
        self._masks: OrderedDict[Hashable, ByteArray] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Approximate size in memory, in bytes."""
        masks = _KEPT * self.image[..., 0].size
        return self.image.nbytes + self._segmentation.nbytes + masks

    def fitted(self, alpha: FloatArray) -> FloatArray:
        """An alpha mask of the photo at the size of ``image``."""
        size = self.image.shape[1], self.image.shape[0]
        if alpha.shape == size[::-1]:
            return alpha
        fitted = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(fitted, 0, 1), dtype=np.float32)

    def listen(
        self,
        hints: Hints,
        start: FloatArray | None,
        name: Hashable,
        check: Callable[[], None] = lambda: None,
    ) -> FloatArray:
        """The mask after the hints, starting from a cut or from nothing.

        Args:
            hints: in pixels of the photo; at least one.
            start: float32 (h, w), 0..1, of the size of ``image``: the cut that they correct; None
                for none.
            name: of that cut: the same one for the same.
            check: called before each step; whatever it raises ends the work.

        Returns:
            float32 (h, w), 0..1; 0.5 is the edge. Marked pixels are as they were marked.
        """
        stages = hints.stages()
        done, mask = self._last_known(stages, name)
        mask = start if done == 0 else mask
        for number in range(done, len(stages)):
            check()
            stage, earlier = stages[number], stages[number - 1] if number else None
            new = stage.since(earlier)
            step = self._step(mask, new, stage, self._redraws and start is None, check)
            mask = self._remember((name, stage), step)
        assert mask is not None  # there is at least one stage
        return mask

    def _last_known(
        self, stages: tuple[Hints, ...], name: Hashable
    ) -> tuple[int, FloatArray | None]:
        """How many stages need not be worked out again, and the mask of the last of them."""
        for done in range(len(stages), 0, -1):
            key = name, stages[done - 1]
            if key in self._masks:
                self._masks.move_to_end(key)
                return done, _as_float(self._masks[key])
        return 0, None

    def _remember(self, key: Hashable, mask: FloatArray) -> FloatArray:
        """Keep a mask in 256 levels, and return it as it will be remembered."""
        levels = np.rint(mask * 255).astype(np.uint8)
        self._masks[key] = levels
        while len(self._masks) > _KEPT:
            self._masks.popitem(last=False)
        return _as_float(levels)

    def _step(
        self,
        before: FloatArray | None,
        new: Hints,
        sofar: Hints,
        redraws: bool,
        check: Callable[[], None],
    ) -> FloatArray:
        """The mask after one more step, whose new marks are among those so far.

        Unless it ``redraws``, only the parts change that hold a new mark.
        """
        size = self.image.shape[0], self.image.shape[1]
        keep, drop = draw(sofar, self._photo, size, check)
        new_keep, new_drop = draw(new, self._photo, size, check)
        inside = self._inside_box(sofar, size)
        if not (new.keep or new.drop or new.strokes):
            mask = self._segmentation.segment(keep, ~inside, None)
            mask = mask if before is None else np.maximum(mask, before)
        elif before is None:
            mask = self._segmentation.segment(keep, drop | (~inside & ~keep), None)
        else:
            mask = self._segmentation.segment(keep, drop, before)
            if not redraws:
                mask = within_reach(before, mask, new_keep & keep, new_drop & drop)
        outside = np.float32(0) if before is None else before
        mask = np.where(inside, mask, outside).astype(np.float32)
        obey(mask, keep, drop)
        return mask

    def _inside_box(self, hints: Hints, size: tuple[int, int]) -> BoolArray:
        inside = np.zeros(size, dtype=np.bool_)
        inside[box_window(hints, self._photo, size) or ...] = True
        return inside


def _shrunk(image: ByteArray) -> ByteArray:
    """The photo with ``WORKING_PIXELS`` at most; a copy, so that the photo itself can go."""
    height, width = image.shape[:2]
    scale = math.sqrt(WORKING_PIXELS / (height * width))
    if scale >= 1:
        return image.copy()
    size = max(int(width * scale), 1), max(int(height * scale), 1)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _as_float(levels: ByteArray) -> FloatArray:
    return levels * np.float32(1 / 255)
