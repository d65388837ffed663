"""The best result so far, and when to stop waiting for a better one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Best:
    """What validation has found so far.

    Attributes:
        value: the highest figure; -1 before the first.
        iteration: the step it belongs to.
        waited: how many evaluations have passed since without a gain.
    """

    value: float = -1.0
    iteration: int = -1
    waited: int = 0

    def update(self, value: float, iteration: int) -> bool:
        """Take note of one evaluation; whether it is the best."""
        if value > self.value:
            self.value, self.iteration, self.waited = value, iteration, 0
            return True
        self.waited += 1
        return False

    def exhausted(self, patience: int) -> bool:
        """Whether that many evaluations brought no gain; never for 0."""
        return 0 < patience <= self.waited

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.value, self.iteration, self.waited = (
            state["value"],
            state["iteration"],
            state["waited"],
        )
