"""Every instance's score as the main subject: a weighted mean of its features, best first."""

from __future__ import annotations

from vx_detectron.records import Candidate
from vx_detectron.subject.features import Features
from vx_detectron.subject.options import FEATURES, SubjectOptions


def rank(features: Features, options: SubjectOptions | None = None) -> tuple[Candidate, ...]:
    """Rank the instances, best first.

    The score is the weighted mean of the features, 0..1, and each feature's contribution is its
    own part of that sum. Ties go to the larger one, then to the box further up and left, so
    that the order of the instances does not matter.

    Args:
        features: as ``measure`` gives them.
        options: weights and ``max_candidates``.

    Returns:
        At most ``max_candidates`` candidates.
    """
    options = options or SubjectOptions()
    candidates = [_candidate(features, index, options) for index in range(len(features))]

    def falling(one: Candidate) -> tuple[float, float, tuple[float, ...], str]:
        box = tuple(float(side) for side in features.boxes[one.index])
        return -one.score, -float(features.areas[one.index]), box, one.label

    return tuple(sorted(candidates, key=falling)[: options.max_candidates])


def _candidate(features: Features, index: int, options: SubjectOptions) -> Candidate:
    values = features.values[index]
    total = sum(options.weights.values())
    contributions = {name: options.weights[name] / total * values[name] for name in FEATURES}
    return Candidate(
        index=index,
        label=features.labels[index],
        score=min(1.0, sum(contributions.values())),
        features=dict(values),
        contributions=contributions,
    )
