"""Which photos teach a subject, what its mask is, and that photo and mask move together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import disc, write_disc_dataset
from pycocotools import mask as rle_tools

from vx_detectron.data.augment import SubjectAugmentation
from vx_detectron.data.coco import load_coco_json
from vx_detectron.data.subject_dataset import EpochSampler, SubjectDataset, split_records
from vx_detectron.data.subjects import has_subject, subject_mask

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")


def record(kind: str, *masks: np.ndarray) -> dict:
    annotations = [
        {"area": int(m.sum()), "segmentation": rle_tools.encode(np.asfortranarray(m))}
        for m in masks
    ]
    return {"height": 40, "width": 50, "mask_kind": kind, "annotations": annotations}


LARGE, SMALL = disc(40, 50, 20, 20, 14), disc(40, 50, 42, 8, 5)


def test_a_subject_photo_keeps_all_its_masks() -> None:
    photo = record("subject", LARGE, SMALL)
    assert has_subject(photo)
    assert np.array_equal(subject_mask(photo), LARGE | SMALL)


def test_an_instance_photo_has_its_one_large_thing_as_subject() -> None:
    photo = record("instance", SMALL, LARGE)
    assert has_subject(photo)
    assert np.array_equal(subject_mask(photo), LARGE)


def test_no_subject_without_annotations_with_a_small_thing_or_with_two_rivals() -> None:
    assert not has_subject(record("instance"))
    assert not has_subject(record("instance", SMALL))
    assert not has_subject(record("instance", LARGE, disc(40, 50, 36, 24, 12)))


def test_a_photo_and_a_grid_drawn_on_it_move_together() -> None:
    """The mask drawn into the photo itself: after any augmentation both must still coincide."""
    grid = np.zeros((90, 120), dtype=np.uint8)
    grid[::15], grid[:, ::15] = 1, 1
    grid = np.kron(grid, np.ones((3, 3), dtype=np.uint8))
    image = torch.from_numpy(np.repeat(grid[None] * 255, 3, axis=0))
    augmentation = SubjectAugmentation(96, train=True)
    for seed in range(40):
        photo, mask = augmentation(image, torch.from_numpy(grid)[None], seed)
        bright = photo.float().mean(dim=0)
        on, off = bright[mask[0] == 1], bright[mask[0] == 0]
        assert photo.shape == (3, 96, 96) and mask.shape == (1, 96, 96)
        assert on.mean() > off.mean() + 40  # a shift of half a line would level them


def test_the_same_seed_gives_the_same_picture_and_another_one_another() -> None:
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8)
    mask = torch.ones((1, 60, 80), dtype=torch.uint8)
    augmentation = SubjectAugmentation(32, train=True)
    first, again, other = (augmentation(image, mask, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_split_is_whole_disjoint_and_free_of_order(tmp_path: Path) -> None:
    records = load_coco_json(write_disc_dataset(tmp_path, 20), tmp_path / "images")
    records[0]["split"] = "dev"
    train, validation = split_records(records, 5, seed=1)
    names = [r["image_id"] for r in train], [r["image_id"] for r in validation]
    assert sorted([*names[0], *names[1]]) == list(range(2, 21))
    assert len(validation) == 5
    again = split_records(records[::-1], 5, seed=1)
    assert [r["image_id"] for r in again[1]] == names[1]


def test_items_are_bgr_and_repeat_exactly(tmp_path: Path) -> None:
    records = load_coco_json(write_disc_dataset(tmp_path, 2), tmp_path / "images")
    image, mask = SubjectDataset(records, 48, train=False, seed=0)[0]
    blue, green, red = image[:, mask[0] == 1].mean(dim=1).tolist()
    assert red > 190 and blue < 80 and green < 90
    dataset = SubjectDataset(records, 48, train=True, seed=0)
    assert torch.equal(dataset[3][0], dataset[3][0])
    assert not torch.equal(dataset[1][0], dataset[3][0])  # same photo, next epoch


def test_the_sampler_goes_on_where_it_was_broken_off() -> None:
    def take(start: int, count: int) -> list[int]:
        return [index for index, _ in zip(EpochSampler(7, 3, start), range(count), strict=False)]

    whole = take(0, 21)
    assert sorted(index % 7 for index in whole[:7]) == list(range(7))
    assert take(10, 11) == whole[10:]
    assert [i % 7 for i in whole[:7]] != [i % 7 for i in whole[7:14]]
