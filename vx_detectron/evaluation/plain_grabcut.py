"""OpenCV's GrabCut alone, as a baseline."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances

NAME = "grabcut"

_RADIUS = 5  # of the disc that a click marks, in pixels, as RITM's networks are shown it
_ROUNDS = 5
_SEED = 0


class PlainGrabCut:
    """Clicks as discs of sure labels, the rest as the last cut has it. No network, no detector."""

    name = NAME
    redraws = True

    def open(self, image: ByteArray, instances: Instances | None) -> _Photo:
        """See ``InteractiveSegmenter``; what is known of the photo is not looked at."""
        return _Photo(image)


class _Photo:
    def __init__(self, image: ByteArray) -> None:
        self._image = image
        self.nbytes = image.nbytes

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        """See ``Segmentation``."""
        inside = np.zeros(keep.shape, dtype=np.bool_) if previous is None else previous >= 0.5
        labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RADIUS + 1,) * 2)
        labels[cv2.dilate(keep.astype(np.uint8), kernel) > 0] = cv2.GC_FGD
        labels[(cv2.dilate(drop.astype(np.uint8), kernel) > 0) & ~keep] = cv2.GC_BGD
        kept = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
        if min(np.count_nonzero(kept), np.count_nonzero(~kept)) < _RADIUS:
            return kept.astype(np.float32)
        cv2.setRNGSeed(_SEED)
        models = np.zeros((2, 1, 65), dtype=np.float64)
        cut, _, _ = cv2.grabCut(
            self._image, labels, (0, 0, 0, 0), models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK
        )
        return np.isin(cut, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
