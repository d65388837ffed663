"""The losses of steps that nobody has read yet. Reading them makes the processor wait for a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vx_detectron.training import distributed
from vx_detectron.training.failures import expect_finite


class _Step(NamedTuple):
    iteration: int
    names: tuple[str, ...]
    losses: Tensor
    file_names: list[str]


class PendingLosses:
    """Keeps the losses of each step on their device until ``read``."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    def add(self, iteration: int, losses: Mapping[str, Tensor], file_names: Sequence[str]) -> None:
        """Keep the losses of one step; the same names at each.

        Args:
            iteration: counted from 0.
            losses: one number each, on any device.
            file_names: of the photos of the step, for messages.
        """
        values = [value.detach().float() for value in losses.values()]
        self._steps.append(_Step(iteration, tuple(losses), torch.stack(values), list(file_names)))

    def read(self) -> Iterator[tuple[int, dict[str, float]]]:
        """The iteration and the losses of each step since the last call, mean over all processes.

        Raises:
            TrainingError: one of them was not finite; it names the first such step.
        """
        steps, self._steps = self._steps, []
        if not steps:
            return
        table = distributed.mean_of(torch.stack([step.losses for step in steps]))
        for step, values in zip(steps, table.tolist(), strict=True):
            losses = dict(zip(step.names, values, strict=True))
            expect_finite(losses, step.file_names, step.iteration)
            yield step.iteration, losses
