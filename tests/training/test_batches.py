"""The photos of each step: the same after a resume, and shared among processes."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice

import pytest
import torch
from coco_files import disc, write_dataset

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import read_coco
from vx_detectron.data.training_set import PackedRecords, TrainingSet
from vx_detectron.errors import TrainingError
from vx_detectron.training import distributed
from vx_detectron.training.batches import BatchSampler, pack, worker_count

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Thirteen photos, of which those at 0, 3, 6, 9 and 12 are upright."""
    sizes = [(40, 30) if number % 3 == 0 else (30, 40) for number in range(13)]
    photos = [[(3, disc(*size, 15, 15, 8))] for size in sizes]
    folder = tmp_path_factory.mktemp("mixed") / "data"
    path = write_dataset(folder, photos, {3: "disc"}, "instance")
    return TrainingSet(read_coco(path, folder / "images").records, load_cfg(), {3: 0}, 1)


def take(dataset: TrainingSet, count: int, start: int = 0, group: bool = True) -> list[list[int]]:
    batches = islice(BatchSampler(dataset, 4, group, 7, start), count)
    return [[one.item for one in batch] for batch in batches]


def test_a_resumed_order_is_that_of_the_unbroken_one(dataset: TrainingSet) -> None:
    for group in (True, False):
        whole = take(dataset, 12, group=group)
        assert take(dataset, 7, start=5, group=group) == whole[5:]
    ungrouped = [index for batch in take(dataset, 13, group=False) for index in batch]
    assert sorted(ungrouped) == list(range(52))  # four whole epochs


def test_upright_and_wide_photos_do_not_mix(dataset: TrainingSet) -> None:
    batches = take(dataset, 12)
    kinds = [{index % 13 % 3 == 0 for index in batch} for batch in batches]
    assert all(len(kind) == 1 for kind in kinds) and {True} in kinds and {False} in kinds
    assert any(len({i % 13 % 3 == 0 for i in b}) == 2 for b in take(dataset, 12, group=False))


def test_two_processes_share_every_batch(
    dataset: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = take(dataset, 6)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    halves = []
    for number in (0, 1):
        monkeypatch.setattr(distributed, "rank", lambda number=number: number)
        halves.append(take(dataset, 6))
    assert [first + second for first, second in zip(*halves, strict=True)] == whole
    monkeypatch.setattr(distributed, "world_size", lambda: 3)
    with pytest.raises(TrainingError, match="4 cannot be shared evenly among 3"):
        take(dataset, 1)


def test_a_packed_sample_comes_back_as_it_was(dataset: TrainingSet) -> None:
    for index in range(5):
        sample = dataset[index]
        (packed,) = pack([sample])
        assert packed.masks.dtype == packed.image.dtype == torch.uint8
        size = sum(one.numel() * one.element_size() for one in packed[1:])
        assert size < (sample.image.numel() * 4 + sample.subject.numel() * 4) / 3
        back = packed.unpack()
        assert len(sample.masks) and set(sample.subject.unique().tolist()) <= {-1, 0, 1}
        for name in ("image", "masks", "subject", "boxes", "classes"):
            before, after = getattr(sample, name), getattr(back, name)
            assert before.dtype == after.dtype and torch.equal(before, after), name
        assert (back.file_name, back.complete) == (sample.file_name, sample.complete)


@pytest.mark.parametrize("width", [1, 7, 8, 9, 30])
def test_masks_of_any_width_are_packed(dataset: TrainingSet, width: int) -> None:
    random = torch.Generator().manual_seed(width)
    masks = torch.rand((3, 5, width), generator=random) < 0.5
    part = torch.zeros(3, 5, width)
    (packed,) = pack([replace(dataset[0], masks=masks, image=part, subject=part[0])])
    assert torch.equal(packed.unpack().masks, masks)
    (empty,) = pack([replace(dataset[0], masks=masks[:0], image=part, subject=part[0])])
    assert empty.unpack().masks.shape == (0, 5, width)


def test_workers_are_no_more_than_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert [worker_count(asked) for asked in (0, 4, 20)] == [0, 4, 8]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert worker_count(20) == 2


def test_packed_records_are_the_records(dataset: TrainingSet) -> None:
    records: list[dict[str, object]] = [{"a": 1}, {"b": [2, "ü"]}, {}]
    packed = PackedRecords(records)
    assert list(packed) == records and packed[-1] == {} and packed[1:] == records[1:]
    assert len(packed) == 3
    with pytest.raises(IndexError):
        packed[3]
