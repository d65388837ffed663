"""Why this is the subject, or why there is none: one line of text, from the fitted evidence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from vx_detectron.structures import Candidate
from vx_detectron.subject.proposals import PERSON
from vx_detectron.subject.scene import Scene

_LARGE, _SMALL = 0.2, 0.05  # share of the photo
_WORTH_SAYING = 0.4  # log-odds
_MOST_WORDS = 3  # on either side

# What to say where a feature speaks for a thing, and where against it; empty: nothing.
_WORDS = {
    "saliency": ("stands out", "hardly stands out"),
    "attention": ("draws the eye", "easily overlooked"),
    "centrality": ("central", "far from the centre"),
    "border": ("whole in the frame", "cut by the frame"),
    "focus": ("in focus", "not in focus"),
    "confidence": ("surely recognised", "of uncertain kind"),
    "alive": ("alive", ""),
    "furniture": ("", "furniture that things stand on"),
    "only_region": ("", "of no known class"),
    "kin_left_out": ("", "one of several alike"),
    "neighbour_left_out": ("", "not on its own"),
}
_OF_KNOWN_CLASSES = ("confidence", "alive", "furniture")  # a salient region says nothing of these


def chosen_reason(chosen: Sequence[Candidate], ranking: tuple[Candidate, ...], scene: Scene) -> str:
    """Why these were chosen.

    Args:
        chosen: at least one candidate, best first.
        ranking: every candidate, best first.
        scene: with the same instances.

    Returns:
        Such as ``the dog (91 %): large (31 % of the photo), central; next best: person (7 %)``.
    """
    best = chosen[0]
    told = [one for one in chosen if best.is_region or not one.is_region]
    traits, bonds = best.reason, _bonds(told, scene)
    if bonds:
        traits = f"they {_joined(bonds)}; the {best.label} leads: {traits}"
    completed = ", completed by the saliency map" if len(told) < len(chosen) else ""
    names = f"{listed([one.label for one in told])}{completed}"
    return f"{names} ({percent(best.score)}): {traits}; {_next_best(chosen, ranking)}"


def manual_reason(method: str, chosen: Sequence[Candidate], ranking: tuple[Candidate, ...]) -> str:
    """What a manual choice chose, such as ``the person: chosen by class person; rank 2 of 5``."""
    names = listed([one.label for one in chosen])
    if len(chosen) > 1:
        return f"{names}: chosen by hand ({method}), {len(chosen)} of {len(ranking)}"
    place = ranking.index(chosen[0]) + 1
    return f"{names}: chosen by hand ({method}), rank {place} of {len(ranking)}"


def no_subject_reason(ranking: tuple[Candidate, ...], score: float, min_score: float) -> str:
    """Why there is no subject: how improbable one is, and what the best candidate lacks."""
    if not ranking:
        return "no subject: nothing was found in the photo"
    best = ranking[0]
    least = math.floor(100 * score) / 100  # rounded up, it might read as enough
    return (
        f"no subject: the best candidate, {best.label}, is not enough ({percent(least)} where "
        f"{percent(min_score)} is needed): {best.reason}"
    )


def candidate_reason(contributions: Mapping[str, float], area: float, *, is_region: bool) -> str:
    """How large one thing is, then what speaks for it and what against, the strongest first.

    Args:
        contributions: log-odds that each feature adds.
        area: share of the photo, 0..1.
        is_region: whether it is a region of the saliency map, without a known class.

    Returns:
        Such as ``large (31 % of the photo), central; against it: cut by the frame``.
    """
    size = "large" if area >= _LARGE else "medium-sized" if area >= _SMALL else "small"
    good, bad = [f"{size} ({percent(area)} of the photo)"], []
    names = [name for name in _WORDS if not is_region or name not in _OF_KNOWN_CLASSES]
    for name in sorted(names, key=lambda name: -abs(contributions[name])):
        if abs(contributions[name]) >= _WORTH_SAYING:
            praise, blame = _WORDS[name]
            good += [praise] if praise and contributions[name] > 0 else []
            bad += [blame] if blame and contributions[name] < 0 else []
    against = [f"against it: {', '.join(bad[:_MOST_WORDS])}"] if bad else []
    return "; ".join([", ".join(good[: _MOST_WORDS + 1]), *against])


def listed(labels: Sequence[str]) -> str:
    """The labels as a phrase: ``the person``, ``2 x zebra and the horse``."""
    counts = Counter(labels)
    return _joined([_named(label, count) for label, count in counts.items()])


def _joined(words: Sequence[str]) -> str:
    """The words as a list: ``one``, ``one and two``, ``one, two and three``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def percent(share: float) -> str:
    """The share in whole percent; what is not quite nothing or all says so."""
    if 0.995 <= share < 1:
        return "over 99 %"
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _bonds(chosen: Sequence[Candidate], scene: Scene) -> list[str]:
    """Why the others are with the best one, in words."""
    members = [one.index for one in chosen]
    within = np.ix_(members, members)
    people = np.array([one.label == PERSON for one in chosen])
    things = np.array([one.label != PERSON and not one.is_region for one in chosen])
    mixed = scene.touching[within] & people[:, None] & things[None, :]
    others = scene.touching[within] & ~(mixed | mixed.T)
    words = (
        (bool(mixed.any()), "belong together"),
        (bool(scene.alike[within].any()), "are alike"),
        (bool(others.any()), "touch or overlap"),
    )
    return [word for is_so, word in words if is_so]


def _next_best(chosen: Sequence[Candidate], ranking: tuple[Candidate, ...]) -> str:
    members = {one.index for one in chosen}
    for one in ranking:
        if one.index not in members:
            return f"next best: {one.label} ({percent(one.score)})"
    return "nothing else was found"


def _named(label: str, count: int) -> str:
    return f"the {label}" if count == 1 else f"{count} x {label}"
