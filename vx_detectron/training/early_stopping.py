"""Which weights are the best so far, by which figure, and when to stop waiting for better ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SUBJECT, SALIENCY, BOX_AP, MASK_AP = "subject_iou", "saliency_iou", "bbox_AP", "segm_AP"
CLICK_IOU = "click_iou"
"""Of a hint decoder: the mean IoU after 1, 3 and 5 clicks."""
MEAN = "mean"
"""The mean of SUBJECT and MASK_AP."""


@dataclass
class Best:
    """What validation has found so far.

    Attributes:
        figure: what the weights are chosen by: SUBJECT, SALIENCY, MASK_AP, MEAN or CLICK_IOU.
        value: the highest one; -1 before the first.
        iteration: the step it belongs to.
        waited: how many evaluations have passed since without a gain.
        figures: all that was measured at that step.
    """

    figure: str = SUBJECT
    value: float = -1.0
    iteration: int = -1
    waited: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def update(self, figures: Mapping[str, float], iteration: int) -> bool:
        """Take note of one evaluation; whether it is the best."""
        value = self.value_of(figures)
        if value > self.value:
            self.value, self.iteration, self.waited = value, iteration, 0
            self.figures = dict(figures)
            return True
        self.waited += 1
        return False

    def value_of(self, figures: Mapping[str, float]) -> float:
        """What the weights are chosen by, of one evaluation; what it could not measure counts 0."""
        if self.figure == MEAN:
            return (figures.get(SUBJECT, 0.0) + figures.get(MASK_AP, 0.0)) / 2
        return figures.get(self.figure, 0.0)

    def exhausted(self, patience: int) -> bool:
        """Whether that many evaluations brought no gain; never for 0."""
        return 0 < patience <= self.waited

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """From the checkpoint; of a run that chose by another figure nothing counts any more."""
        if state.get("figure", SUBJECT) == self.figure:
            self.value, self.iteration = state["value"], state["iteration"]
            self.waited = state["waited"]
            self.figures = dict(state.get("figures") or {SUBJECT: state["value"]})
