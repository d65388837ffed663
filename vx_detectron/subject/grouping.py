"""Who belongs to the best-ranked instance: simple, explicit rules, each with its own words.

Nearly half of the subjects people name are groups: rider and horse, player and racket, a couple.
"""

from __future__ import annotations

import numpy as np

from vx_detectron.records import Candidate
from vx_detectron.subject.features import BoolArray, Features, dilate
from vx_detectron.subject.options import SubjectOptions

PERSON = "person"

_CONTACT = 3  # pixels of the thumbnail between two masks that still count as touching
_CONTACT_PIXELS = 5  # and so many pixels must meet, so that one noisy corner does not


def group(
    ranking: tuple[Candidate, ...], features: Features, options: SubjectOptions
) -> dict[int, str]:
    """The best-ranked instance and those that belong to it.

    Args:
        ranking: every candidate, best first, at least one.
        features: of the same instances.
        options: the group thresholds.

    Returns:
        For each member, in the order of the ranking, its index in the instances and in words why
        it belongs; the best one itself, first, with an empty string.
    """
    best = ranking[0]
    members = {best.index: ""}
    if not options.group:
        return members
    reach = dilate(features.masks[best.index], _CONTACT)
    for other in ranking[1:]:
        why = _bond(best, other, features, reach, options)
        if why:
            members[other.index] = why
    return members


def _bond(
    best: Candidate,
    other: Candidate,
    features: Features,
    reach: BoolArray,
    options: SubjectOptions,
) -> str:
    """Why the other one belongs to the best, in words; empty if it does not."""
    area = float(features.areas[best.index])
    if best.score <= 0 or area <= 0:
        return ""
    score = other.score / best.score
    size = float(features.areas[other.index]) / area
    touching = np.count_nonzero(features.masks[other.index] & reach) > _CONTACT_PIXELS
    if touching and score >= options.touch_score and size >= options.touch_size:
        return "they touch"
    if best.label == other.label and score >= options.kin_score and size >= options.kin_size:
        return "they are alike"
    with_person = touching and PERSON in (best.label, other.label)
    if with_person and score >= options.held_score:
        inside = _share_in_box(features.masks[other.index], features.masks[best.index])
        return "they belong together" if inside >= options.held_inside else ""
    return ""


def _share_in_box(mask: BoolArray, around: BoolArray) -> float:
    """Which share of the mask lies in the bounding box of the other one."""
    rows, columns = np.flatnonzero(around.any(axis=1)), np.flatnonzero(around.any(axis=0))
    inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return float(np.count_nonzero(inside)) / max(int(np.count_nonzero(mask)), 1)
