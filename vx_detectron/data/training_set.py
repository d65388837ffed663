"""Records as augmented samples: the same pictures whatever the number of workers."""

from __future__ import annotations

import logging
import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any, NamedTuple

import numpy as np
import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from vx_detectron.data.augmentation import Augmentation, crop_sizes
from vx_detectron.data.categories import DatasetDict, is_complete
from vx_detectron.data.scene import Scene, class_annotations, read_scene, to_sample
from vx_detectron.data.subjects import has_subject
from vx_detectron.errors import DataError, ImageError
from vx_detectron.modeling.samples import Sample

logger = logging.getLogger(__name__)

# A training goes on without some of its photos, but not without more than this share of them.
# The first few say too little about the rest.
MAX_UNREADABLE, FIRST_ATTEMPTS = 0.2, 50


class SizedItem(NamedTuple):
    """An item's index, and which of ``crop_sizes`` its batch has."""

    item: int
    size: int | None


class TrainingSet(Dataset[Sample]):
    """Augmented samples of records.

    An item's index carries the epoch (see ``EpochSampler``) and decides all that is drawn for it.
    A photo that cannot be read is named in the log, once by each process, and another one, drawn
    the same way, takes its place.

    Args:
        records: see ``vx_detectron.data.coco``; photos without annotations are fine.
        cfg: its INPUT and VX.AUGMENT nodes say how the photos are varied.
        class_ids: category id to contiguous id. Other categories may be a subject, but no class.
        seed: another seed gives other pictures.

    Raises:
        ConfigError: keys that contradict each other.
        DataError: no records, or none to paste from; or, from an item, too many photos that
            cannot be read.
    """

    def __init__(
        self,
        records: Sequence[DatasetDict],
        cfg: CfgNode,
        class_ids: Mapping[int, int],
        seed: int,
    ) -> None:
        if not records:
            raise DataError("expected photos to train on, got none; see VX.DATA")
        self.records = PackedRecords(records)
        self.class_ids = class_ids
        self.seed = seed
        self.repeats = [repeat_factor(cfg, record) for record in records]
        self.augmentation = Augmentation(cfg)
        self.crop_sizes = crop_sizes(cfg)
        self.channels: str = cfg.INPUT.FORMAT
        self.limits = cfg.VX.INPUT.MAX_PIXELS, cfg.VX.INPUT.MAX_BYTES
        self.everyone = range(len(records))
        instances = [i for i in self.everyone if class_annotations(records[i], class_ids)]
        subjects = [i for i in self.everyone if has_subject(records[i])]
        cutouts = self.augmentation.paste_prob > 0
        # Copy-paste takes instances, and no configuration has both.
        self.donors = sorted({*instances, *subjects}) if cutouts else instances
        if cutouts and not self.donors:
            raise DataError(
                f"VX.AUGMENT.PASTE_PROB is {self.augmentation.paste_prob}, but no photo has a "
                "subject or an instance to paste; set it to 0"
            )
        if self.augmentation.copy_prob > 0 and not self.donors:
            raise DataError(
                f"VX.AUGMENT.COPY_PASTE_PROB is {self.augmentation.copy_prob}, but no photo has "
                "an instance of a class to paste; set it to 0"
            )
        self.attempts = self.failures = 0
        self.named: set[int] = set()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int | SizedItem) -> Sample:
        item, size = index if isinstance(index, SizedItem) else (index, None)
        epoch, position = divmod(item, len(self.records))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed_of(epoch, position))
            position, scene = self._read(position, self.everyone)
            scene = self.augmentation(scene, self._draw_donor, size)
        return self._sample(position, scene)

    def original(self, position: int) -> Sample:
        """One photo as it is annotated, at its own size.

        Raises:
            ImageError, DataError: it cannot be used.
        """
        record = self.records[position]
        return self._sample(position, read_scene(record, self.class_ids, *self.limits))

    def _sample(self, position: int, scene: Scene) -> Sample:
        record = self.records[position]
        return to_sample(scene, record, self.channels, is_complete(record, self.class_ids))

    def _draw_donor(self) -> Scene:
        """A photo with instances to paste."""
        return self._read(_draw(self.donors), self.donors)[1]

    def _read(self, position: int, others: Sequence[int]) -> tuple[int, Scene]:
        """The photo at a position, or else the first readable one drawn from the others."""
        while True:
            self.attempts += 1
            try:
                return position, read_scene(self.records[position], self.class_ids, *self.limits)
            except (ImageError, DataError) as error:
                self._note_failure(position, error)
            position = _draw(others)

    def _note_failure(self, position: int, error: Exception) -> None:
        """Name a photo, the first time; DataError when there are too many like it."""
        name = self.records[position]["file_name"]
        reason = str(error).removeprefix(f"{name}: ")
        self.failures += 1
        if position not in self.named:
            self.named.add(position)
            logger.warning("using another photo instead of %s: %s", name, reason)
        if self.failures > MAX_UNREADABLE * max(self.attempts, FIRST_ATTEMPTS):
            raise DataError(
                f"{self.failures} of {self.attempts} photos could not be used, expected at most "
                f"{MAX_UNREADABLE:.0%}; fix or remove them. The last one: {name}: {reason}"
            ) from error

    def _seed_of(self, epoch: int, position: int) -> int:
        return ((self.seed * 1_000_003 + epoch) * 1_000_003 + position) % 2**63


def repeat_factor(cfg: CfgNode, record: DatasetDict) -> float:
    """How often a photo comes in an epoch on average, by ``VX.DATA.REPEAT_FACTOR``; else 1."""
    source = str(record.get("source", ""))
    for name, factor in cfg.VX.DATA.REPEAT_FACTOR:
        if source.startswith(name):
            return float(factor)
    return 1.0


class PackedRecords(Sequence[DatasetDict]):
    """Records as bytes in one array.

    Of plain dicts each worker would in time have a copy of its own: looking at one changes its
    count of references, and with that the page of memory that is shared.
    """

    def __init__(self, records: Sequence[DatasetDict]) -> None:
        parts = [pickle.dumps(record, protocol=pickle.HIGHEST_PROTOCOL) for record in records]
        self._ends = np.cumsum([len(part) for part in parts])
        self._bytes = np.frombuffer(b"".join(parts), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        start = self._ends[place - 1] if place else 0
        return pickle.loads(self._bytes[start : self._ends[place]].data)


class EpochSampler(Sampler[int]):
    """Endless shuffled epochs from a given position on: ``epoch * length + position``.

    Args:
        length: of the data set.
        seed: of the order.
        start: how many items were taken before; those that follow are the same.
        repeats: how often each item comes in an epoch on average, as in Detectron2's
            ``RepeatFactorTrainingSampler``; none: once. The same item twice counts as of two
            epochs, so that it is drawn differently.
    """

    def __init__(
        self, length: int, seed: int, start: int, repeats: Sequence[float] | None = None
    ) -> None:
        self.length, self.seed, self.start = length, seed, start
        self.repeats = torch.tensor([1.0] * length if repeats is None else repeats)
        self.most = math.ceil(float(self.repeats.max()))

    def __iter__(self) -> Iterator[int]:
        yield from islice(self._all(), self.start, None)

    def _all(self) -> Iterator[int]:
        for epoch in count():
            generator = torch.Generator().manual_seed(self.seed + epoch)
            order = torch.randperm(self.length, generator=generator)
            turns = torch.zeros_like(order)
            if not bool((self.repeats == 1).all()):
                order, turns = self._repeated(order, generator)
            yield from ((epoch * self.most + turns) * self.length + order).tolist()

    def _repeated(self, order: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The positions of one epoch in their order, and how often each one came before."""
        chance = torch.rand(self.length, generator=generator)
        times = (self.repeats.floor() + (chance < self.repeats.frac())).long()[order]
        order = order.repeat_interleave(times)
        starts = (times.cumsum(0) - times).repeat_interleave(times)
        turns = torch.arange(len(order)) - starts
        shuffled = torch.randperm(len(order), generator=generator)
        return order[shuffled], turns[shuffled]


def collate(samples: list[Sample]) -> list[Sample]:
    """The batch as it is: its samples differ in size and in their number of instances."""
    return samples


def _draw(positions: Sequence[int]) -> int:
    return positions[int(torch.randint(len(positions), ()))]
