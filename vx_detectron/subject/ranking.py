"""Every instance as a candidate, with the reasons for and against it, best first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vx_detectron.structures import Candidate, FloatArray
from vx_detectron.subject.features import FEATURES
from vx_detectron.subject.proposals import Group
from vx_detectron.subject.reasons import candidate_reason
from vx_detectron.subject.scene import Scene


def rank(
    scene: Scene,
    groups: Sequence[Group],
    values: FloatArray,
    evidence: FloatArray,
    probabilities: FloatArray,
) -> tuple[Candidate, ...]:
    """Rank the instances that were proposed alone, best first.

    An instance's score is the probability that it belongs to the subject: the sum over the sets
    that it is in. Its features and contributions are those of the instance alone.

    Args:
        scene: the photo and its instances.
        groups: the proposed sets.
        values: float32 (G, 15), their features.
        evidence: float32 (G, 15), what each feature adds to their log-odds.
        probabilities: float32 (G,), of each set to be the subject.
    """
    scores = np.zeros(len(scene), dtype=np.float64)
    for group, probability in zip(groups, probabilities, strict=True):
        scores[list(group)] += float(probability)
    candidates = []
    for row, group in enumerate(groups):
        if len(group) == 1:
            index, label = group[0], scene.labels[group[0]]
            is_region = bool(scene.is_region[index])
            features = dict(zip(FEATURES, map(float, values[row]), strict=True))
            contributions = dict(zip(FEATURES, map(float, evidence[row]), strict=True))
            candidates.append(
                Candidate(
                    index=index,
                    label=label,
                    score=min(1.0, float(scores[index])),
                    features=features,
                    contributions=contributions,
                    reason=candidate_reason(
                        contributions, float(scene.areas[index]), is_region=is_region
                    ),
                    is_region=is_region,
                )
            )
    # Python's sort keeps the order of equals: the more conspicuous one first.
    return tuple(sorted(candidates, key=lambda one: -one.score))
