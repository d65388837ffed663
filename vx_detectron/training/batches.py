"""Which photos each step sees, and the random numbers it draws.

Both are the same for any number of processes, and after a resume.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from vx_detectron.data.training_set import EpochSampler, SizedItem, TrainingSet
from vx_detectron.modeling.samples import Sample
from vx_detectron.training import distributed
from vx_detectron.training.failures import leave_interrupts_to_the_main_process

logger = logging.getLogger(__name__)

_PRIME = 1_000_003


def run_seed(cfg: CfgNode) -> int:
    """``SEED``, or, where it is negative, any number, as in Detectron2."""
    return int(cfg.SEED) if cfg.SEED >= 0 else random.SystemRandom().randrange(2**31)


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed torch's generators, on all devices, for one step."""
    torch.manual_seed(((seed * _PRIME + iteration) * _PRIME + rank) % 2**63)


class BatchSampler(Sampler[list[SizedItem]]):
    """Endless batches of indices, of which this process takes its share.

    All photos of a batch are cropped to the same size; see ``crop_sizes``.

    Args:
        dataset: its records say which photos are upright; it knows the sizes of the crops.
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
        self.repeats, self.sizes = dataset.repeats, dataset.crop_sizes
        self.grouped = group_aspect_ratios

    def __iter__(self) -> Iterator[list[SizedItem]]:
        first = self.share * distributed.rank()
        for number, batch in islice(enumerate(self._batches()), self.start, None):
            size = self._draw_size(number, self.wide[batch[0] % len(self.wide)])
            yield [SizedItem(index, size) for index in batch[first : first + self.share]]

    def _draw_size(self, number: int, wide: bool) -> int:
        """The size of a batch; of wide photos none that is upright, and the other way round."""
        fitting = [
            place
            for place, (height, width) in enumerate(self.sizes)
            if not self.grouped or (width >= height if wide else height >= width)
        ]
        choice = fitting or list(range(len(self.sizes)))
        return choice[random.Random(self.seed * _PRIME + number).randrange(len(choice))]

    def _batches(self) -> Iterator[list[int]]:
        buckets: dict[bool, list[int]] = {False: [], True: []}
        for index in EpochSampler(len(self.wide), self.seed, 0, self.repeats):
            bucket = buckets[self.wide[index % len(self.wide)]]
            bucket.append(index)
            if len(bucket) == self.size:
                yield bucket.copy()
                bucket.clear()


class PackedSample(NamedTuple):
    """A sample on its way from a data loader's worker, an eighth of its size or less.

    Attributes:
        rest: the sample, with nothing in its large tensors.
        image: uint8 (3, H, W).
        masks: uint8 (N, H, ceil(W / 8)), eight pixels to the byte, the highest bit first.
        subject: int8 (H, W).
    """

    rest: Sample
    image: Tensor
    masks: Tensor
    subject: Tensor

    def pin_memory(self) -> PackedSample:
        """For the data loader, so that copies to a GPU do not wait."""
        image, masks, subject = (one.pin_memory() for one in self[1:])
        return PackedSample(self.rest, image, masks, subject)

    def unpack(self, device: torch.device | None = None) -> Sample:
        """The sample as it was, on a device."""
        image, masks, subject = (one.to(device, non_blocking=True) for one in self[1:])
        bits = torch.arange(7, -1, -1, dtype=torch.uint8, device=masks.device)
        pixels = (masks[..., None] >> bits & 1).flatten(2)[..., : image.shape[-1]].bool()
        return replace(self.rest, image=image.float(), masks=pixels, subject=subject.float())


def pack(samples: list[Sample]) -> list[PackedSample]:
    """A batch, for its way out of a worker."""
    none = torch.empty(0)
    return [
        PackedSample(
            rest=replace(one, image=none, masks=none, subject=none),
            image=one.image.to(torch.uint8),
            masks=torch.from_numpy(np.packbits(one.masks.numpy(), axis=-1)),
            subject=one.subject.to(torch.int8),
        )
        for one in samples
    ]


def worker_count(asked: int) -> int:
    """``DATALOADER.NUM_WORKERS``, or fewer where this process has not so many processors."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processors = max((own or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)
    if asked > processors:
        logger.info("%d workers read photos, one per processor", processors)
    return min(asked, processors)


def build_train_loader(
    cfg: CfgNode, dataset: TrainingSet, seed: int, start: int, pin_memory: bool = False
) -> DataLoader[list[PackedSample]]:
    """Endless batches of augmented samples, packed, from a step on.

    Args:
        cfg: SOLVER.IMS_PER_BATCH and DATALOADER are read.
        dataset: the photos.
        seed: of the order.
        start: how many steps were done before.
        pin_memory: for a GPU.
    """
    sampler = BatchSampler(
        dataset, cfg.SOLVER.IMS_PER_BATCH, cfg.DATALOADER.ASPECT_RATIO_GROUPING, seed, start
    )
    return DataLoader(
        dataset,  # type: ignore[arg-type]  # one sample an item, of which ``pack`` makes a list
        batch_sampler=sampler,
        num_workers=worker_count(cfg.DATALOADER.NUM_WORKERS),
        collate_fn=pack,
        pin_memory=pin_memory,
        worker_init_fn=leave_interrupts_to_the_main_process,
        generator=torch.Generator(),  # or it would take from the random numbers of a step
    )
