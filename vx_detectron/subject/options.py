"""The options for choosing the subject.

Every field is a key of the configuration too: ``min_score`` is ``VX.SUBJECT.MIN_SCORE``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from vx_detectron.errors import ConfigError


@dataclass(frozen=True)
class SubjectOptions:
    """Thresholds of the choice and of the salient regions; the weights of the features are fitted.

    All values but the two counts are shares 0..1.

    Attributes:
        min_score: probability of a subject below which the photo counts as having none, see
            ``trust_eye``.
        trust_eye: keep the best candidate, whatever its probability, if the eye shows it clearly.
        max_candidates: how many instances take part: the most conspicuous ones.
        min_confidence: detection score an instance needs to belong to ``everything``.
        groups: whether the subject may be more than one instance.
        region_threshold: saliency from which a pixel belongs to a salient region.
        region_min_area: smallest region, as a share of the photo.
        region_max: largest number of regions.
        region_explained: IoU with instances from which a region counts as explained by them
            and is left out. 1 keeps every region: it may complete an instance.

    Raises:
        ConfigError: a value out of its range; the message begins with the name of the field.
    """

    min_score: float = 0.2
    trust_eye: bool = True
    max_candidates: int = 100
    min_confidence: float = 0.3
    groups: bool = True
    region_threshold: float = 0.5
    region_min_area: float = 0.015
    region_max: int = 3
    region_explained: float = 1.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.type == "float" and not 0.0 <= value <= 1.0:
                raise ConfigError(f"{one.name} must be within 0..1, got {value}")
        if self.max_candidates < 1:
            raise ConfigError(f"max_candidates must be at least 1, got {self.max_candidates}")
        if self.region_max < 0:
            raise ConfigError(f"region_max must be at least 0, got {self.region_max}")
