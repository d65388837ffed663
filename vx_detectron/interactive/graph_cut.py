"""Hints without a network: a graph cut on colours, starting from what was found in the photo."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances, Window

_SIDE = 320  # long side at which it works; more is slower and hardly better
_ROUNDS = 2
_SEED = 0
_NEAR = 0.16  # a mark stands for the pixels so near, in shares of the long side, ...
_ALIKE = 24.0  # ... and of colours so alike, in units of 8-bit Lab
_REACH = 1.5  # so far, in these two together, a mark speaks; twice as far it makes unsure
_BAND = 0.02  # half width of what is unsure along an edge, in shares of the long side
_AGREES = 0.75  # agreement with the marks from which a known mask counts as meant
_MOST_MARKS = 32  # marked pixels that distances are measured from
_DISC = 0.012  # radius of what a mark fixes around itself, in shares of the long side
_AROUND = 0.15  # what is seen around the open pixels, in shares of the long side
_FEWEST = 4  # pixels on either side, or colour models cannot be fitted


class GraphCut:
    """GrabCut (Rother, Kolmogorov, Blake, SIGGRAPH 2004; OpenCV's), led by what is known already.

    Where there is no cut yet, it begins with the thing or shape that the marks lie in, as the
    detector and the eye saw it. Later marks are contradictions: their surroundings are
    reconsidered, by colour and nearness, and the rest stays.
    """

    name = "graph cut"
    redraws = False

    def open(self, image: ByteArray, instances: Instances | None) -> SeenByColour:
        """See ``InteractiveSegmenter``."""
        return SeenByColour(image, instances)


class SeenByColour:
    """See ``Segmentation``."""

    def __init__(self, image: ByteArray, instances: Instances | None) -> None:
        self._size = image.shape[0], image.shape[1]
        scale = min(1.0, _SIDE / max(self._size))
        size = max(round(self._size[0] * scale), 1), max(round(self._size[1] * scale), 1)
        self._image = _resized(image, size)
        self._features = _features(self._image)
        self._known = _known_masks(instances, size)
        self.nbytes = (
            self._image.nbytes + self._features.nbytes + sum(one.nbytes for one in self._known)
        )

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        """See ``Segmentation``."""
        size = self._image.shape[0], self._image.shape[1]
        kept, dropped = _marks(keep, size), _marks(drop, size)
        both = kept & dropped
        kept, dropped = kept & ~both, dropped & ~both
        base = self._first_guess(kept, dropped)
        if previous is not None:
            before = _resized(previous, size) >= 0.5
            # Another thing is meant only where it agrees better with the marks.
            if base is None or _agreement(base, kept, dropped) <= _agreement(before, kept, dropped):
                base = before
        if base is not None:
            unsure = _band(base, max(2, round(_BAND * max(size))))
        elif kept.any():
            near = self._distance(kept)
            base, unsure = near < _REACH, near < 2 * _REACH
        else:  # a box alone
            base = unsure = ~dropped
        labels = self._labels(base, unsure, kept, dropped)
        cut = self._cut(labels)
        soft = cv2.GaussianBlur(cut.astype(np.float32), (0, 0), 0.7)
        return np.asarray(_resized(soft, self._size), dtype=np.float32)

    def _first_guess(self, kept: BoolArray, dropped: BoolArray) -> BoolArray | None:
        """The known mask that agrees best with the marks, if one holds what is to be kept."""
        best, most = None, _AGREES
        for mask in self._known:
            if kept.any():
                agrees = _agreement(mask, kept, dropped)
            else:  # a box alone: what it holds, it should hold tightly
                inside = ~dropped
                agrees = 2 * float((mask & inside).sum()) / float((mask | inside).sum())
            if agrees > most:
                best, most = mask, agrees
        return best

    def _labels(
        self, base: BoolArray, unsure: BoolArray, kept: BoolArray, dropped: BoolArray
    ) -> ByteArray:
        """GrabCut's four labels: what is unsure, and what lies near a contradiction, is open."""
        labels = np.where(base, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        wrong_in, wrong_out = kept & ~base, dropped & base
        open_ = unsure.copy()
        for marks, others, label in (
            (wrong_in, dropped, cv2.GC_PR_FGD),
            (wrong_out, kept, cv2.GC_PR_BGD),
        ):
            if marks.any():
                near = self._distance(marks)
                open_ |= near < 2 * _REACH
                mine = near < _REACH
                if others.any():
                    mine &= near < self._distance(others)
                labels[mine] = label
        labels[base & ~open_], labels[~base & ~open_] = cv2.GC_FGD, cv2.GC_BGD
        radius = max(1, round(_DISC * max(base.shape)))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
        for marks, label in ((kept, cv2.GC_FGD), (dropped, cv2.GC_BGD)):
            if marks.any():
                disc = cv2.dilate(marks.astype(np.uint8), kernel) > 0
                labels[disc & (self._distance(marks) < 1.0)] = label
        labels[kept], labels[dropped] = cv2.GC_FGD, cv2.GC_BGD
        return labels

    def _cut(self, labels: ByteArray) -> BoolArray:
        """GrabCut's answer; the labels' own where there is nothing to learn colours from."""
        inside = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
        flat = int(np.ptp(self._image.reshape(-1, 3), axis=0).max()) == 0
        if flat or min(_sides(inside)) < _FEWEST:
            return inside
        view = _surroundings((labels == cv2.GC_PR_FGD) | (labels == cv2.GC_PR_BGD))
        if min(_sides(inside[view])) < _FEWEST:
            view = slice(None), slice(None)
        cv2.setRNGSeed(_SEED)
        models = np.zeros((2, 1, 65), dtype=np.float64)
        cut, _, _ = cv2.grabCut(
            np.ascontiguousarray(self._image[view]),
            labels[view].copy(),
            (0, 0, 0, 0),
            models[0],
            models[1],
            _ROUNDS,
            cv2.GC_INIT_WITH_MASK,
        )
        found = np.isin(cut, (cv2.GC_FGD, cv2.GC_PR_FGD))
        if min(_sides(found)) >= _FEWEST:  # else the colours do not tell the two apart
            inside[view] = found
        return inside

    def _distance(self, marks: BoolArray) -> FloatArray:
        """How far each pixel is from the nearest mark, in place and colour together."""
        places = np.flatnonzero(marks)
        some = self._features[places[:: -(-len(places) // _MOST_MARKS)]]
        # |a - b|^2 = |a|^2 - 2ab + |b|^2, for all pixels and marks at once.
        nearest = (np.square(some).sum(axis=1) - 2 * self._features @ some.T).min(axis=1)
        nearest += np.square(self._features).sum(axis=1)
        apart = np.sqrt(np.maximum(nearest, 0)).reshape(marks.shape)
        return np.asarray(apart, dtype=np.float32)


def _features(image: ByteArray) -> FloatArray:
    """Each pixel's place and colour, float32 (N, 5), such that 1 is what a mark stands for."""
    height, width = image.shape[:2]
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).reshape(-1, 3) / np.float32(_ALIKE)
    places = np.indices((height, width), dtype=np.float32).reshape(2, -1).T
    return np.hstack([lab, places / (_NEAR * max(height, width))]).astype(np.float32)


def _known_masks(instances: Instances | None, size: tuple[int, int]) -> list[BoolArray]:
    """What was found in the photo, the surest first, and the eye's whole shape."""
    if instances is None:
        return []
    masks = [instances.soft_mask(index, size) >= 0.5 for index in range(len(instances))]
    if instances.saliency is not None:
        masks.append(_resized(instances.saliency, size) >= 0.5)
    return [mask for mask in masks if mask.any()]


def _marks(marks: BoolArray, size: tuple[int, int]) -> BoolArray:
    """The marks at another size, where none of them gets lost."""
    if marks.shape == size:
        return marks
    return np.asarray(_resized(marks.astype(np.float32), size) > 0)


def _resized(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    if array.shape[:2] == size:
        return array
    shrinks = size[0] * size[1] < array.shape[0] * array.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(array, size[::-1], interpolation=method))


def _agreement(mask: BoolArray, kept: BoolArray, dropped: BoolArray) -> float:
    """The share of what is to be kept that a mask holds, less that of what is to be dropped."""
    right = float(mask[kept].mean()) if kept.any() else 0.0
    return right - (float(mask[dropped].mean()) if dropped.any() else 0.0)


def _sides(mask: BoolArray) -> tuple[int, int]:
    """How many pixels are true, and how many false."""
    count = int(np.count_nonzero(mask))
    return count, mask.size - count


def _surroundings(open_: BoolArray) -> Window:
    """Rows and columns of the open pixels, with as much around them as colours are learned from."""
    spans = []
    for axis in (1, 0):
        lines = np.flatnonzero(open_.any(axis=axis))
        if not len(lines):
            return slice(0, 1), slice(0, 1)
        margin = round(_AROUND * max(open_.shape))
        spans.append(slice(max(lines[0] - margin, 0), lines[-1] + 1 + margin))
    return spans[0], spans[1]


def _band(mask: BoolArray, reach: int) -> BoolArray:
    """Pixels within ``reach`` of the mask's edge."""
    kernel = np.ones((2 * reach + 1,) * 2, dtype=np.uint8)
    grown = cv2.dilate(mask.astype(np.uint8), kernel)
    return np.asarray(grown != cv2.erode(mask.astype(np.uint8), kernel))
