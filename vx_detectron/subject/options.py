"""What one may set about choosing the subject. Defaults were chosen on the development photos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from vx_detectron.errors import ConfigError

FEATURES = ("saliency", "size", "centrality", "confidence", "border")


def _default_weights() -> dict[str, float]:
    return {"saliency": 0.25, "size": 0.30, "centrality": 0.10, "confidence": 0.10, "border": 0.25}


@dataclass(frozen=True)
class SubjectOptions:
    """Weights and thresholds of the ranking, the grouping and the salient regions.

    All values but the two counts are shares 0..1. "Best" is the first of the ranking.

    Attributes:
        weights: weight of each feature; only their proportions count.
        min_score: a photo whose best candidate scores less has no subject.
        max_candidates: how many instances the ranking keeps, best first.
        min_confidence: detection score an instance needs to belong to ``everything``.
        group: whether others may join the best one.
        touch_score: one that touches the best joins it with this share of its score ...
        touch_size: ... and this share of its area.
        kin_score: one of the best's class joins it, touching or not, with this share of its
            score ...
        kin_size: ... and this share of its area.
        held_score: what a person touches (rides, holds, wears), or the person who touches it,
            joins with this share of the best's score ...
        held_inside: ... and this share of its mask within the best's box.
        region_threshold: saliency from which a pixel belongs to a salient region.
        region_min_area: smallest region, as a share of the photo.
        region_max: at most so many regions.
        region_explained: IoU with instances from which a region is taken for explained by them
            and left out. 1 keeps every region: one that touches the best instance completes it.

    Raises:
        ConfigError: a feature without weight, an unknown one, or a value out of its range.
    """

    weights: Mapping[str, float] = field(default_factory=_default_weights)
    min_score: float = 0.48
    max_candidates: int = 100
    min_confidence: float = 0.3
    group: bool = True
    touch_score: float = 0.9
    touch_size: float = 0.4
    kin_score: float = 0.8
    kin_size: float = 0.3
    held_score: float = 0.75
    held_inside: float = 0.5
    region_threshold: float = 0.5
    region_min_area: float = 0.015
    region_max: int = 3
    region_explained: float = 1.0

    def __post_init__(self) -> None:
        _check_weights(self.weights)
        for one in fields(self):
            value = getattr(self, one.name)
            if one.type == "float" and not 0.0 <= value <= 1.0:
                raise ConfigError(f"{one.name} must be within 0..1, got {value}")
        if self.max_candidates < 1:
            raise ConfigError(f"max_candidates must be at least 1, got {self.max_candidates}")
        if self.region_max < 0:
            raise ConfigError(f"region_max must be at least 0, got {self.region_max}")


def _check_weights(weights: Mapping[str, float]) -> None:
    """Raise ConfigError unless every feature has a finite weight >= 0, and one is above 0."""
    if set(weights) != set(FEATURES):
        raise ConfigError(
            f"weights must name the features {', '.join(FEATURES)}, got {', '.join(weights)}"
        )
    if not all(math.isfinite(value) and value >= 0 for value in weights.values()):
        raise ConfigError(f"weights must be finite and at least 0, got {dict(weights)}")
    if sum(weights.values()) <= 0:
        raise ConfigError("at least one feature must have a weight above 0")
