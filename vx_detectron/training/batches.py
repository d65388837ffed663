"""Which photos each step sees, and the random numbers it draws.

Both are the same for any number of processes, and after a resume.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import torch
from fvcore.common.config import CfgNode
from torch.utils.data import DataLoader, Sampler

from vx_detectron.data.training_set import EpochSampler, TrainingSet, collate
from vx_detectron.modeling.samples import Sample
from vx_detectron.training import distributed
from vx_detectron.training.failures import leave_interrupts_to_the_main_process

_PRIME = 1_000_003


def run_seed(cfg: CfgNode) -> int:
    """``SEED``, or, where it is negative, any number, as in Detectron2."""
    return int(cfg.SEED) if cfg.SEED >= 0 else random.SystemRandom().randrange(2**31)


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed torch's generators, on all devices, for one step."""
    torch.manual_seed(((seed * _PRIME + iteration) * _PRIME + rank) % 2**63)


class BatchSampler(Sampler[list[int]]):
    """Endless batches of indices, of which this process takes its share.

    Args:
        dataset: its records say which photos are upright.
        size: of a batch, all processes together.
        group_aspect_ratios: upright and wide photos in batches of their own, as Detectron2's
            ``DATALOADER.ASPECT_RATIO_GROUPING``: less padding.
        seed: of the order.
        start: how many steps were done before.
    """

    def __init__(
        self, dataset: TrainingSet, size: int, group_aspect_ratios: bool, seed: int, start: int
    ) -> None:
        self.size, self.seed, self.start = size, seed, start
        self.share = distributed.share(size)
        self.wide = [
            group_aspect_ratios and record["width"] > record["height"] for record in dataset.records
        ]

    def __iter__(self) -> Iterator[list[int]]:
        first = self.share * distributed.rank()
        for batch in islice(self._batches(), self.start, None):
            yield batch[first : first + self.share]

    def _batches(self) -> Iterator[list[int]]:
        buckets: dict[bool, list[int]] = {False: [], True: []}
        for index in EpochSampler(len(self.wide), self.seed, 0):
            bucket = buckets[self.wide[index % len(self.wide)]]
            bucket.append(index)
            if len(bucket) == self.size:
                yield bucket.copy()
                bucket.clear()


def build_train_loader(
    cfg: CfgNode, dataset: TrainingSet, seed: int, start: int
) -> DataLoader[list[Sample]]:
    """Endless batches of augmented samples, from a step on."""
    sampler = BatchSampler(
        dataset, cfg.SOLVER.IMS_PER_BATCH, cfg.DATALOADER.ASPECT_RATIO_GROUPING, seed, start
    )
    return DataLoader(
        dataset,  # type: ignore[arg-type]  # one sample an item, of which ``collate`` makes a list
        batch_sampler=sampler,
        num_workers=cfg.DATALOADER.NUM_WORKERS,
        collate_fn=collate,
        worker_init_fn=leave_interrupts_to_the_main_process,
        generator=torch.Generator(),  # or it would take from the random numbers of a step
    )
