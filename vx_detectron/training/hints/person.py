"""A person who wants something cut, simulated: what they want, and how they begin and go on.

As RITM (Sofiiuk et al., 2021) and FocalClick (Chen et al., 2022) teach: a first mark within what is
wanted, then marks in the largest error of the mask so far. Unlike the clicks that validation makes,
which always hit the middle, these wander, and some are strokes or a box.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vx_detectron.interactive.hint_maps import POINT_RADIUS, hint_maps
from vx_detectron.modeling.samples import Sample
from vx_detectron.structures import BoolArray, FloatArray
from vx_detectron.training.hints.detected import as_detected

# What is wanted: shares of the crop, and how often it is not just one thing.
_LEAST_SHARE, _LEAST_PIECE = 0.006, 0.01
_TWO_THINGS, _ONE_PIECE = 0.15, 0.3

# How a person begins: with the automatic cut, with a thing that the detector saw, with a cut that
# earlier marks have hardly improved, or with a box; otherwise with a mark inside.
_CORRECTS, _PICKS, _GOES_ON, _DRAWS_BOX = 0.12, 0.24, 0.27, 0.05
_CORRECTS_TOO = 0.5
_MARKS_BOX_TOO, _DROPS_TOO = 0.3, 0.15
_NEAR = 20  # pixels around it, where a first mark to drop lies
_BOX_JITTER = 0.03  # of a side of the box, standard deviation

_MOST_PATCHES = 4
_PATCHES = 0.08, 0.45  # how far one goes, in roots of the thing's area
_PATCH_BLURS = 0.8, 2.5  # pixels
_SPILLED = 0.5  # how often the first mark brings far too much instead, ...
_SPILLS = 0.6, 3.0  # ... how far it goes, in roots of the thing's area, ...
_UNEVEN = 0.4  # ... and how unevenly, as the spread of the logarithm of that

_STROKES = 0.22  # share of the marks
_STROKE_WIDTHS = 3, 11  # pixels
_DEPTHS = (0.3, 0.5, 0.7, 0.95)  # of the deepest place: no mark lies farther out
_LEAST_ERROR = 4  # pixels; a smaller one is none

Random = np.random.Generator


def wanted(sample: Sample, random: Random) -> FloatArray | None:
    """What somebody might want of a photo: a thing, two, or a piece of one, or the subject.

    Returns:
        float32 (H, W), 1 for yes, 0 for no, -1 where nobody knows; None where nothing is annotated
        that is large enough.
    """
    masks = sample.masks.cpu().numpy()
    subject = sample.subject.cpu().numpy()
    least = _LEAST_SHARE * subject.size
    things = [mask for mask in masks if mask.sum() > least]
    if not things and (subject == 1).sum() > least:
        return np.asarray(subject, dtype=np.float32)
    if not things:
        return None
    chosen = things[random.integers(len(things))]
    kind = random.random()
    if kind < _TWO_THINGS and len(things) > 1:
        chosen = chosen | things[random.integers(len(things))]
    elif kind > 1 - _ONE_PIECE:
        chosen = _a_piece(chosen, random)
    return np.asarray(chosen, dtype=np.float32)


def _a_piece(mask: BoolArray, random: Random) -> BoolArray:
    """One connected piece of a mask, if it has several large ones."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:count, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas > _LEAST_PIECE * mask.size)
    if len(large) < 2:
        return mask
    return np.asarray(labels == large[random.integers(len(large))])


@dataclass
class Marks:
    """The hints for one photo as they grow.

    Attributes:
        keep: bool (H, W), what is marked as part of it.
        drop: bool (H, W), what is marked as no part of it; nowhere both.
        previous: float32 (H, W), 0..1, the mask that they correct; None for none.
    """

    keep: BoolArray
    drop: BoolArray
    previous: FloatArray | None = None

    def maps(self) -> FloatArray:
        """See ``hint_maps``."""
        return hint_maps(self.keep, self.drop, self.previous)

    def add(self, keep: bool, place: BoolArray) -> None:
        """Mark a place; the last mark counts."""
        one, other = (self.keep, self.drop) if keep else (self.drop, self.keep)
        one |= place
        other &= ~place

    def correct(self, mask: FloatArray, target: FloatArray, random: Random) -> None:
        """Take a mask, float32 (H, W), as the one so far, and mark its largest error."""
        self.previous = mask
        keep, error = largest_error(mask, target)
        if error.sum() > _LEAST_ERROR:
            self.add(keep, a_mark(error, random))


def no_marks(size: tuple[int, int]) -> Marks:
    """Nothing yet, for a photo of that height and width."""
    return Marks(np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_))


def first_marks(target: FloatArray, eye_map: FloatArray, random: Random) -> Marks:
    """How a person begins.

    Args:
        target: see ``wanted``; something of it is wanted.
        eye_map: float32 (H, W), 0..1: the cut that is offered without hints.
        random: decides.
    """
    marks, inside = no_marks(target.shape), target > 0.5
    begins = np.cumsum([_CORRECTS, _PICKS, _GOES_ON, _DRAWS_BOX])
    kind = int(np.searchsorted(begins, random.random(), side="right"))
    if kind == 0:
        marks.correct(eye_map, target, random)
    elif kind == 1:
        seen = as_detected(inside, random)
        both = inside & (seen >= 0.5)
        marks.previous = seen
        marks.add(True, a_mark(both if both.any() else inside, random))
        if random.random() < _CORRECTS_TOO:
            marks.correct(seen, target, random)
    elif kind == 2:
        _go_on(marks, target, random)
    elif kind == 3:
        marks.drop |= ~_box_around(inside, random)
        rest = inside & ~marks.drop
        if random.random() < _MARKS_BOX_TOO and rest.any():
            marks.add(True, a_mark(rest, random) & ~marks.drop)
    else:
        marks.add(True, a_mark(inside, random))
        if random.random() < _DROPS_TOO:
            kernel = np.ones((2 * _NEAR + 1,) * 2, np.uint8)
            near = np.asarray(cv2.dilate(inside.astype(np.uint8), kernel)) > 0
            outside = near & (target >= 0) & ~inside
            if outside.any():
                marks.add(False, a_mark(outside, random))
    return marks


def _go_on(marks: Marks, target: FloatArray, random: Random) -> None:
    """Some marks, each of which changed only its surroundings, and one more.

    So it goes where a decoder does not see what is meant: the cut is a few patches, or far too
    large with a few bites taken out. It has to learn that the cut so far may be mostly wrong.
    """
    inside, cut = target > 0.5, np.zeros(target.shape, dtype=np.float32)
    scale = float(np.sqrt(inside.sum()))
    spilled = random.random() < _SPILLED
    for number in range(random.integers(1, _MOST_PATCHES + 1)):
        keep, error = largest_error(cut, target)
        if error.sum() <= _LEAST_ERROR:
            break
        mark = a_mark(error, random)
        marks.add(keep, mark)
        gap = cv2.distanceTransform((~mark).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        if spilled and number == 0:
            cut[inside | (gap * _uneven(gap.shape, random) < scale * random.uniform(*_SPILLS))] = 1
        else:
            cut[(gap < scale * random.uniform(*_PATCHES)) & (inside == keep)] = keep
    soft = cv2.GaussianBlur(cut, (0, 0), random.uniform(*_PATCH_BLURS))
    marks.correct(np.asarray(soft, dtype=np.float32), target, random)


def _uneven(size: tuple[int, ...], random: Random) -> FloatArray:
    """Smooth random factors around 1, float32 (H, W): they make a circle a blot."""
    coarse = np.exp(random.normal(0, _UNEVEN, (5, 5))).astype(np.float32)
    smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, dtype=np.float32)


def _box_around(inside: BoolArray, random: Random) -> BoolArray:
    """A box drawn around it by hand: bool (H, W)."""
    box = np.zeros_like(inside)
    spans = []
    for axis in (1, 0):
        there = np.flatnonzero(inside.any(axis))
        ends = there[0], there[-1] + 1
        shift = random.normal(0, _BOX_JITTER, 2) * (ends[1] - ends[0])
        start = max(int(ends[0] + shift[0]), 0)
        spans.append(slice(start, max(int(ends[1] + shift[1]), start + 1)))
    box[spans[0], spans[1]] = True
    return box


def largest_error(mask: FloatArray, target: FloatArray) -> tuple[bool, BoolArray]:
    """The largest connected piece that is missing or too much.

    Args:
        mask: float32 (H, W), 0..1.
        target: see ``wanted``; what nobody knows is no error.

    Returns:
        Whether it is missing, and bool (H, W): the piece, empty where there is no error.
    """
    inside = mask >= 0.5
    best, most, keep = np.zeros_like(inside), 0, True
    for missing, error in ((True, (target > 0.5) & ~inside), (False, inside & _outside(target))):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(error.astype(np.uint8))
        if count > 1:
            number = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            if stats[number, cv2.CC_STAT_AREA] > most:
                most, keep = int(stats[number, cv2.CC_STAT_AREA]), missing
                best = np.asarray(labels == number)
    return keep, best


def _outside(target: FloatArray) -> BoolArray:
    return (target >= 0) & (target <= 0.5)


def a_mark(region: BoolArray, random: Random) -> BoolArray:
    """A click well inside a region, now and then a stroke through it: bool (H, W)."""
    padded = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)
    depth = np.asarray(padded[1:-1, 1:-1], dtype=np.float32)
    mark = np.zeros(region.shape, dtype=np.uint8)
    start = _a_place(depth, random)
    if random.random() < _STROKES:
        width = int(random.integers(_STROKE_WIDTHS[0], _STROKE_WIDTHS[1] + 1))
        cv2.line(mark, start, _a_place(depth, random), 1, width)
        mark[~region] = 0
    cv2.circle(mark, start, POINT_RADIUS, 1, -1)
    return mark > 0


def _a_place(depth: FloatArray, random: Random) -> tuple[int, int]:
    """Column and row."""
    least = depth.max() * _DEPTHS[random.integers(len(_DEPTHS))]
    rows, columns = np.nonzero(depth >= max(least, 1e-6))
    place = random.integers(len(rows))
    return int(columns[place]), int(rows[place])
