"""Random numbers that depend on the seed, the step and the process only.

So a resumed training draws what an unbroken one would have drawn, and no generator is saved.
"""

from __future__ import annotations

import random

import torch
from fvcore.common.config import CfgNode

_PRIME = 1_000_003


def run_seed(cfg: CfgNode) -> int:
    """``SEED``, or, where it is negative, any number, as in Detectron2."""
    return int(cfg.SEED) if cfg.SEED >= 0 else random.SystemRandom().randrange(2**31)


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed torch's generators, on all devices, for one step."""
    torch.manual_seed(((seed * _PRIME + iteration) * _PRIME + rank) % 2**63)
