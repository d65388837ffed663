"""The photos of each step: the same after a resume, and shared among processes."""

from __future__ import annotations

from itertools import islice

import pytest
from coco_files import disc, write_dataset

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import read_coco
from vx_detectron.data.training_set import TrainingSet
from vx_detectron.errors import TrainingError
from vx_detectron.training import distributed
from vx_detectron.training.batches import BatchSampler

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
    return list(islice(BatchSampler(dataset, 4, group, 7, start), count))


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
