"""A person's own choice of the subject: by class, rank, point, box, or everything."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, fields

import numpy as np

from vx_detectron.errors import SubjectError
from vx_detectron.masks import paste_mask
from vx_detectron.records import SALIENT_REGION, Candidate, FloatArray, Instances
from vx_detectron.subject.features import Features
from vx_detectron.subject.options import SubjectOptions

_FITS = 0.5  # IoU with the wanted box
_NESTED = 0.8  # share of a mask within another one from which it is part of it


@dataclass(frozen=True)
class Choice:
    """One manual choice; with none of them given the ranking decides.

    Attributes:
        label: a class name in any case; the best-ranked instance of it.
        rank: place in the ranking, 1 for the best.
        point: x, y in pixels of the photo; the instance there, the inner one of nested ones.
        box: x0, y0, x1, y1 in pixels of the photo; the instance whose box fits it best.
        everything: all instances the detector is sure enough of.

    Raises:
        SubjectError: more than one is given, or one that cannot be meant.
    """

    label: str | None = None
    rank: int | None = None
    point: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    everything: bool = False

    def __post_init__(self) -> None:
        given = self.given
        if len(given) > 1:
            raise SubjectError(
                f"choose the subject in one way, got {' and '.join(given)}; leave out all but one"
            )
        if self.label is not None and not self.label.strip():
            raise SubjectError("label must be the name of a class, got an empty one")
        if self.rank is not None and self.rank < 1:
            raise SubjectError(f"rank counts from 1 for the best candidate, got {self.rank}")
        if self.point is not None:
            _check_numbers("point", "x, y", self.point, 2)
        if self.box is not None:
            _check_numbers("box", "x0, y0, x1, y1", self.box, 4)
            x0, y0, x1, y1 = self.box
            if not (x0 < x1 and y0 < y1):
                raise SubjectError(
                    f"box must be x0, y0, x1, y1 with x0 < x1 and y0 < y1, got {_listed(self.box)}"
                )

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the ways that are given."""
        return tuple(
            one.name for one in fields(self) if getattr(self, one.name) not in (None, False)
        )

    def __bool__(self) -> bool:
        return bool(self.given)

    @property
    def method(self) -> str:
        """In words, such as ``class person`` or ``point 120, 80``; ``ranking`` for none."""
        if self.label is not None:
            return f"class {self.label.strip()}"
        if self.rank is not None:
            return f"rank {self.rank}"
        if self.point is not None:
            return f"point {_listed(self.point)}"
        if self.box is not None:
            return f"box {_listed(self.box)}"
        return "everything" if self.everything else "ranking"


def pick(
    choice: Choice,
    instances: Instances,
    features: Features,
    ranking: tuple[Candidate, ...],
    options: SubjectOptions,
) -> tuple[Candidate, ...]:
    """The candidates a manual choice means, best first.

    Args:
        choice: with exactly one way given.
        instances: what was found.
        features: of these instances.
        ranking: of these instances.
        options: for ``min_confidence``, which ``everything`` asks for.

    Returns:
        At least one candidate; more than one for ``everything`` only.

    Raises:
        SubjectError: the photo holds nothing of the kind.
    """
    if not choice:
        raise ValueError("pick needs a choice with one way given")
    if not ranking:
        raise SubjectError(f"{choice.method}: nothing was found in the photo to choose from")
    if choice.label is not None:
        return (_by_label(choice.label, instances.class_names, ranking),)
    if choice.rank is not None:
        return (_by_rank(choice.rank, ranking),)
    if choice.point is not None:
        return (_by_point(choice.point, instances, features, ranking),)
    if choice.box is not None:
        return (_by_box(choice.box, instances, features, ranking),)
    return _everything(instances, ranking, options)


def _by_label(
    label: str, class_names: tuple[str, ...], ranking: tuple[Candidate, ...]
) -> Candidate:
    wanted = label.strip().casefold()
    for one in ranking:
        if one.label.casefold() == wanted:
            return one
    known = {name.casefold(): name for name in (*class_names, SALIENT_REGION)}
    found = f"the photo holds {', '.join(sorted({one.label for one in ranking}))}"
    if wanted in known:
        raise SubjectError(f"there is no {known[wanted]} in the photo; {found}")
    near = [known[name] for name in difflib.get_close_matches(wanted, known)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise SubjectError(f"{label.strip()!r} is no class of this model; {hint}{found}")


def _by_rank(rank: int, ranking: tuple[Candidate, ...]) -> Candidate:
    if rank <= len(ranking):
        return ranking[rank - 1]
    shown = ", ".join(f"{place}: {one.label}" for place, one in enumerate(ranking[:10], start=1))
    raise SubjectError(f"there is no rank {rank}, the ranking ends at {len(ranking)}: {shown}")


def _by_point(
    point: tuple[float, float],
    instances: Instances,
    features: Features,
    ranking: tuple[Candidate, ...],
) -> Candidate:
    height, width = instances.image_size
    x, y = math.floor(point[0]), math.floor(point[1])
    if not (0 <= x < width and 0 <= y < height):
        raise SubjectError(
            f"the point {_listed(point)} lies outside the photo of {width} x {height} pixels"
        )
    here = [(_mask_at(instances, one.index, x, y), one) for one in ranking]
    here = [(value, one) for value, one in here if value > 0.5]
    # A region lies over nearly every instance; who points at a dog means the dog.
    here = [pair for pair in here if pair[1].label != SALIENT_REGION] or here
    if not here:
        raise SubjectError(
            f"nothing was found at the point {_listed(point)}; choose another point, or by rank"
        )
    chosen = max(here, key=lambda pair: pair[0])[1]
    by_size = sorted((one for _, one in here), key=lambda one: float(features.areas[one.index]))
    for inner in by_size:  # the smallest part of the chosen one, or that one itself
        if inner is chosen or _is_part(features, inner.index, chosen.index):
            return inner
    return chosen


def _mask_at(instances: Instances, index: int, x: int, y: int) -> float:
    """The soft mask's value at one pixel, without pasting the whole mask."""
    shifted = instances.boxes[index] - np.array([x, y, x, y], dtype=np.float32)
    return float(paste_mask(instances.mask_grids[index], shifted, (1, 1))[0, 0])


def _is_part(features: Features, inner: int, outer: int) -> bool:
    """Whether one mask is smaller than another and lies mostly within it."""
    small, large = features.masks[inner], features.masks[outer]
    size = np.count_nonzero(small)
    shared = np.count_nonzero(small & large)
    return bool(size < np.count_nonzero(large) and shared >= _NESTED * size)


def _by_box(
    box: tuple[float, float, float, float],
    instances: Instances,
    features: Features,
    ranking: tuple[Candidate, ...],
) -> Candidate:
    height, width = instances.image_size
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    if not (x0 < x1 and y0 < y1):
        raise SubjectError(
            f"the box {_listed(box)} lies outside the photo of {width} x {height} pixels"
        )
    wanted = np.array([x0, y0, x1, y1])
    fits = [(_fit(wanted, instances, features, one.index), one) for one in ranking]
    # As with a point: a thing that fits goes before a region that may fit a little better.
    things = [pair for pair in fits if pair[1].label != SALIENT_REGION and pair[0] >= _FITS]
    best, chosen = max(things or fits, key=lambda pair: pair[0])
    if best <= 0:
        raise SubjectError(
            f"nothing was found in the box {_listed(box)}; draw it round something, or choose by "
            f"rank"
        )
    return chosen


def _fit(wanted: FloatArray, instances: Instances, features: Features, index: int) -> float:
    """IoU of the wanted box with the instance's box; 0 when its mask has no pixel in it."""
    mask = features.masks[index]
    scale_y = mask.shape[0] / instances.image_size[0]
    scale_x = mask.shape[1] / instances.image_size[1]
    rows = slice(math.floor(wanted[1] * scale_y), math.ceil(wanted[3] * scale_y))
    columns = slice(math.floor(wanted[0] * scale_x), math.ceil(wanted[2] * scale_x))
    if mask.any() and not mask[rows, columns].any():
        return 0.0
    box = instances.boxes[index]
    low, high = np.maximum(wanted[:2], box[:2]), np.minimum(wanted[2:], box[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    total = float(np.prod(wanted[2:] - wanted[:2])) + float(np.prod(box[2:] - box[:2])) - shared
    return shared / total


def _everything(
    instances: Instances, ranking: tuple[Candidate, ...], options: SubjectOptions
) -> tuple[Candidate, ...]:
    sure = tuple(one for one in ranking if instances.scores[one.index] >= options.min_confidence)
    if not sure:
        raise SubjectError(
            f"nothing was found with a detection score of {options.min_confidence:.2f} or more; "
            f"the best has {float(instances.scores.max()):.2f}; lower min_confidence"
        )
    return sure


def _check_numbers(name: str, order: str, values: tuple[float, ...], count: int) -> None:
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise SubjectError(f"{name} must be {count} finite numbers {order}, got {values}")


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
