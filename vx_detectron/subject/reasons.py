"""Why this is the subject, or why there is none: one plain line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from vx_detectron.records import SALIENT_REGION, Candidate
from vx_detectron.subject.features import Features

_LARGE, _SMALL = 0.2, 0.05  # share of the photo
_CENTRAL, _ASIDE = 0.75, 0.5  # centrality: 0.75 is about a quarter of a side off the centre
_SALIENT, _PLAIN = 0.25, 0.12  # saliency inside above the surroundings
_CUT = 0.75  # border
_UNSURE = 0.5  # detection score


def chosen_reason(
    members: Mapping[int, str], ranking: tuple[Candidate, ...], features: Features
) -> str:
    """Why the ranking chose these.

    Args:
        members: index of each chosen instance, best first, and why it belongs, as ``group``
            gives them.
        ranking: every candidate, best first.
        features: of the same instances.

    Returns:
        Such as ``the dog: large (31 % of the photo), central; next best: person (0.41 against
        0.72)``.
    """
    best = ranking[0]
    labels = [features.labels[index] for index in members]
    known = [label for label in labels if label != SALIENT_REGION]
    traits = ", ".join(strengths(best, float(features.areas[best.index])))
    bonds = list(dict.fromkeys(why for why in members.values() if why))
    if bonds and len(known) != 1:
        traits = f"{' and '.join(bonds)}; the {best.label} leads: {traits}"
    completed = ", completed by the saliency map" if 0 < len(known) < len(labels) else ""
    return f"{listed(known or labels)}{completed}: {traits}; {_next_best(best, members, ranking)}"


def manual_reason(method: str, chosen: Sequence[Candidate], ranking: tuple[Candidate, ...]) -> str:
    """What a manual choice came to, such as ``the person: chosen by class person; rank 2 of 5``."""
    names = listed([one.label for one in chosen])
    if len(chosen) > 1:
        return f"{names}: chosen by hand ({method}), {len(chosen)} of {len(ranking)}"
    place = ranking.index(chosen[0]) + 1
    return f"{names}: chosen by hand ({method}), rank {place} of {len(ranking)}"


def no_subject_reason(ranking: tuple[Candidate, ...], features: Features, min_score: float) -> str:
    """Why there is no subject: what the best candidate was and where it fell short."""
    if not ranking:
        return "no subject: nothing was found in the photo"
    best = ranking[0]
    weak = ", ".join(weaknesses(best, float(features.areas[best.index])))
    return (
        f"no subject: the best candidate, {best.label}, scores {best.score:.2f} where "
        f"{min_score:.2f} is needed: {weak}"
    )


def strengths(one: Candidate, area: float) -> list[str]:
    """What speaks for a candidate, in words, its size always among them."""
    size = "large" if area >= _LARGE else "medium-sized" if area >= _SMALL else "small"
    words = [f"{size} ({_percent(area)} of the photo)"]
    if one.features["centrality"] >= _CENTRAL:
        words.append("central")
    if one.features["saliency"] >= _SALIENT:
        words.append("salient")
    if one.features["confidence"] < _UNSURE:
        words.append(f"of uncertain kind ({_percent(one.features['confidence'])})")
    return words


def weaknesses(one: Candidate, area: float) -> list[str]:
    """What speaks against a candidate, in words; never empty."""
    values = one.features
    words = [
        (area < _SMALL, f"small ({_percent(area)} of the photo)"),
        (values["centrality"] < _ASIDE, "far from the centre"),
        (values["saliency"] < _PLAIN, "hardly stands out"),
        (values["border"] < _CUT, "cut by the photo's border"),
        (values["confidence"] < _UNSURE, f"uncertain ({_percent(values['confidence'])})"),
    ]
    return [word for is_so, word in words if is_so] or ["not strong enough in anything"]


def listed(labels: Sequence[str]) -> str:
    """The labels as a phrase: ``the person``, ``2 x zebra and the horse``."""
    counts = Counter(labels)
    names = [_named(label, count) for label, count in counts.items()]
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _named(label: str, count: int) -> str:
    name = f"{label} (of no known class)" if label == SALIENT_REGION else label
    return f"the {name}" if count == 1 else f"{count} x {name}"


def _next_best(best: Candidate, members: Mapping[int, str], ranking: tuple[Candidate, ...]) -> str:
    for one in ranking:
        if one.index not in members:
            return f"next best: {one.label} ({one.score:.2f} against {best.score:.2f})"
    return f"nothing else was found (score {best.score:.2f})"


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"
