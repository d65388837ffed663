"""One checkpoint out of several of the same network: the weighted mean of their weights.

Wortsman et al., "Model soups", ICML 2022: trainings that started from the same weights may be
averaged, and the mean is often better than each of them, and never slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from vx_detectron.errors import TrainingError
from vx_detectron.weights.checkpoint_file import read_checkpoint


def average_checkpoints(paths: Sequence[Path], shares: Sequence[float]) -> dict[str, Tensor]:
    """The mean of the checkpoints' weights; counters are those of the first.

    Args:
        paths: Detectron2 checkpoints of one network.
        shares: of each, above 0; only their ratio matters.

    Raises:
        CheckpointError: a file is missing, damaged or unsafe.
        TrainingError: they are of different networks, or a share is not above 0.
    """
    if not paths or min(shares) <= 0:
        raise TrainingError(f"every share must be above 0, got {', '.join(map(str, shares))}")
    states = [read_checkpoint(path) for path in paths]
    mean: dict[str, Tensor] = {}
    for path, state in zip(paths, states, strict=True):
        if {n: v.shape for n, v in state.items()} != {n: v.shape for n, v in states[0].items()}:
            raise TrainingError(
                f"{path} is of another network than {paths[0]}: their entries differ in name or "
                "shape; average checkpoints of one configuration"
            )
    for name, first in states[0].items():
        mean[name] = first
        if first.is_floating_point():
            weighted = zip(states, shares, strict=True)
            mean[name] = sum((s * one[name] for one, s in weighted), start=0 * first) / sum(shares)
    return mean
