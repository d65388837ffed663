"""A person's own choice of the subject, and what to add to it or remove from it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

import numpy as np

from vx_detectron.errors import SubjectError
from vx_detectron.structures import (
    REGION_LABEL,
    BoolArray,
    Candidate,
    FloatArray,
    Instances,
    paste_mask,
)
from vx_detectron.subject.choice import Choice, folded, listed_numbers
from vx_detectron.subject.options import SubjectOptions
from vx_detectron.subject.scene import Scene

_FITS = 0.5  # IoU with the wanted box
_MOSTLY = 0.5  # share of an unwanted thing in a region from which the region counts as showing it
_NESTED = 0.8  # share of a mask within another one from which it counts as part of it


def pick(
    choice: Choice,
    instances: Instances,
    scene: Scene,
    ranking: tuple[Candidate, ...],
    options: SubjectOptions,
) -> tuple[Candidate, ...]:
    """The candidates that a manual choice selects, best first.

    Args:
        choice: with exactly one way given.
        instances: what was found.
        scene: with these instances.
        ranking: of these instances.
        options: for ``min_confidence``, which ``everything`` asks for.

    Returns:
        At least one candidate; more than one for ``everything`` and ``instances`` only.

    Raises:
        SubjectError: the photo has nothing of the kind.
    """
    if not choice.given:
        raise ValueError("pick needs a choice with one way given")
    if not ranking:
        raise SubjectError(f"{choice.method}: nothing was found in the photo to choose from")
    if choice.label is not None:
        return (_by_label(choice.label, instances.class_names, ranking),)
    if choice.rank is not None:
        return (_by_rank(choice.rank, ranking),)
    if choice.point is not None:
        return (_by_point(choice.point, instances, scene, ranking),)
    if choice.box is not None:
        return (_by_box(choice.box, instances, scene, ranking),)
    if choice.instances is not None:
        return _by_index(choice.instances, ranking)
    return _everything(instances, ranking, options)


def adjust(
    choice: Choice,
    chosen: Sequence[Candidate],
    instances: Instances,
    scene: Scene,
    ranking: tuple[Candidate, ...],
) -> tuple[Candidate, ...]:
    """What is chosen, with what the choice adds and without what it removes.

    A class that is removed takes along the salient regions that cover most of such a thing, because
    they would bring it back.

    Args:
        choice: with names added or removed, or none.
        chosen: candidates, maybe none.
        instances: what was found.
        scene: with these instances.
        ranking: of these instances.

    Returns:
        At least one candidate, in the order of the ranking.

    Raises:
        SubjectError: the photo holds nothing to add of a class, or nothing would be left.
    """
    kept = {one.index for one in chosen}
    for name in choice.added:
        if not any(one.index in kept and folded(one.label) == folded(name) for one in ranking):
            kept.add(_by_label(name, instances.class_names, ranking).index)
    for name in choice.removed:
        unwanted = [one.index for one in ranking if folded(one.label) == folded(name)]
        kept -= set(unwanted)
        kept -= {index for index in kept if _brings_back(scene, index, unwanted)}
    if not kept:
        raise SubjectError(f"{choice.method}: nothing is left of the subject; choose another one")
    return tuple(one for one in ranking if one.index in kept)


def _brings_back(scene: Scene, index: int, unwanted: Sequence[int]) -> bool:
    """Whether it is a salient region that covers most of an unwanted thing."""
    if not scene.is_region[index]:
        return False
    return any(_cover(scene.masks[one], scene.masks[index]) >= _MOSTLY for one in unwanted)


def _cover(mask: BoolArray, other: BoolArray) -> float:
    """The share of the mask that lies within the other one."""
    return float(np.count_nonzero(mask & other)) / float(np.count_nonzero(mask))


def _by_index(wanted: tuple[int, ...], ranking: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    known = {one.index for one in ranking}
    unknown = [index for index in wanted if index not in known]
    if unknown:
        raise SubjectError(
            f"there is no instance {unknown[0]}; the photo has {len(known)}, counted from 0"
        )
    return tuple(one for one in ranking if one.index in wanted)


def _by_label(
    label: str, class_names: tuple[str, ...], ranking: tuple[Candidate, ...]
) -> Candidate:
    wanted = folded(label)
    for one in ranking:
        if folded(one.label) == wanted:
            return one
    known = {folded(name): name for name in (*class_names, REGION_LABEL)}
    found = f"the photo holds {', '.join(sorted({one.label for one in ranking}))}"
    if wanted in known:
        raise SubjectError(f"there is no {known[wanted]} in the photo; {found}")
    near = [known[name] for name in difflib.get_close_matches(wanted, known)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise SubjectError(f"{label.strip()!r} is not a class of this model; {hint}{found}")


def _by_rank(rank: int, ranking: tuple[Candidate, ...]) -> Candidate:
    if rank <= len(ranking):
        return ranking[rank - 1]
    shown = ", ".join(f"{place}: {one.label}" for place, one in enumerate(ranking[:10], start=1))
    raise SubjectError(f"there is no rank {rank}; the ranking ends at {len(ranking)}: {shown}")


def _by_point(
    point: tuple[float, float],
    instances: Instances,
    scene: Scene,
    ranking: tuple[Candidate, ...],
) -> Candidate:
    height, width = instances.image_size
    x, y = math.floor(point[0]), math.floor(point[1])
    if not (0 <= x < width and 0 <= y < height):
        raise SubjectError(
            f"the point {listed_numbers(point)} lies outside the photo of {width} x {height} pixels"
        )
    here = [(_mask_at(instances, one.index, x, y), one) for one in ranking]
    here = [(value, one) for value, one in here if value > 0.5]
    # A region covers nearly every instance; a person who points at a dog means the dog.
    here = [pair for pair in here if not pair[1].is_region] or here
    if not here:
        raise SubjectError(
            f"nothing was found at the point {listed_numbers(point)}; choose another point, or by "
            "rank"
        )
    chosen = max(here, key=lambda pair: pair[0])[1]
    by_size = sorted((one for _, one in here), key=lambda one: float(scene.areas[one.index]))
    for inner in by_size:  # the smallest part of the chosen one, or that one itself
        if inner is chosen or _is_part(scene, inner.index, chosen.index):
            return inner
    return chosen


def _mask_at(instances: Instances, index: int, x: int, y: int) -> float:
    """The soft mask's value at one pixel, without pasting the whole mask."""
    shifted = instances.boxes[index] - np.array([x, y, x, y], dtype=np.float32)
    return float(paste_mask(instances.mask_grids[index], shifted, (1, 1))[0, 0])


def _is_part(scene: Scene, inner: int, outer: int) -> bool:
    """Whether one mask is smaller than another and lies mostly within it."""
    smaller = bool(scene.areas[inner] < scene.areas[outer])
    return smaller and _cover(scene.masks[inner], scene.masks[outer]) >= _NESTED


def _by_box(
    box: tuple[float, float, float, float],
    instances: Instances,
    scene: Scene,
    ranking: tuple[Candidate, ...],
) -> Candidate:
    height, width = instances.image_size
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    if not (x0 < x1 and y0 < y1):
        raise SubjectError(
            f"the box {listed_numbers(box)} lies outside the photo of {width} x {height} pixels"
        )
    wanted = np.array([x0, y0, x1, y1])
    fits = [(_fit(wanted, instances, scene, one.index), one) for one in ranking]
    # As with a point: a thing that fits goes before a region that may fit a little better.
    things = [pair for pair in fits if not pair[1].is_region and pair[0] >= _FITS]
    best, chosen = max(things or fits, key=lambda pair: pair[0])
    if best <= 0:
        raise SubjectError(
            f"nothing was found in the box {listed_numbers(box)}; draw it around something, or "
            "choose by rank"
        )
    return chosen


def _fit(wanted: FloatArray, instances: Instances, scene: Scene, index: int) -> float:
    """IoU of the wanted box with the instance's box; 0 when its mask has no pixel in it."""
    mask = scene.masks[index]
    scale_y = mask.shape[0] / instances.image_size[0]
    scale_x = mask.shape[1] / instances.image_size[1]
    rows = slice(math.floor(wanted[1] * scale_y), math.ceil(wanted[3] * scale_y))
    columns = slice(math.floor(wanted[0] * scale_x), math.ceil(wanted[2] * scale_x))
    if not mask[rows, columns].any():
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
