"""The training set of the saliency head: photos with the mask of their subject."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from vx_detectron.data.augment import SubjectAugmentation
from vx_detectron.data.coco import Record
from vx_detectron.data.subjects import has_subject, subject_mask


def split_records(records: list[Record], validation: int, seed: int) -> tuple[list[Record], ...]:
    """Photos with a subject as (train, validation), by a hash, so that order does not matter.

    Photos whose own ``split`` is not ``train`` are left out of both.
    """
    usable = [r for r in records if r.get("split", "train") == "train" and has_subject(r)]
    usable.sort(key=lambda r: hashlib.sha256(f"{seed}:{r['image_id']}".encode()).digest())
    return usable[validation:], usable[:validation]


class SubjectDataset(Dataset[tuple[Tensor, Tensor]]):
    """Augmented pairs: float (3, S, S) 0..255 in BGR, and float (1, S, S) 0 or 1.

    An item's index carries the epoch (see ``EpochSampler``), so that a resumed training sees
    the very pictures of an unbroken one.
    """

    def __init__(self, records: list[Record], size: int, train: bool, seed: int) -> None:
        self.records = records
        self.augmentation = SubjectAugmentation(size, train)
        self.seed = seed

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(index, len(self.records))
        record = self.records[position]
        with Image.open(record["file_name"]) as file:
            pixels = np.asarray(file.convert("RGB"))
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        mask = torch.from_numpy(subject_mask(record))[None]
        seed = (self.seed * 1_000_003 + epoch) * 1_000_003 + position
        image, mask = self.augmentation(image, mask, seed)
        return image.flip(0).float(), mask.float()


class EpochSampler(Sampler[int]):
    """Endless shuffled epochs from a given position on: ``epoch * length + position``."""

    def __init__(self, length: int, seed: int, start: int) -> None:
        self.length, self.seed, self.start = length, seed, start

    def __iter__(self) -> Iterator[int]:
        epoch, skip = divmod(self.start, self.length)
        while True:
            generator = torch.Generator().manual_seed(self.seed + epoch)
            order = torch.randperm(self.length, generator=generator).tolist()
            yield from (epoch * self.length + position for position in order[skip:])
            epoch, skip = epoch + 1, 0
