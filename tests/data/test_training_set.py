"""From records to samples: what is in them, that they repeat, and photos that cannot be read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from painted import augment_cfg, scene, shapes, write_painted
from PIL import Image
from pycocotools import mask as rle_tools
from torch.utils.data import DataLoader

from vx_detectron.data.scene import to_sample
from vx_detectron.data.training_set import EpochSampler, TrainingSet, collate
from vx_detectron.errors import DataError
from vx_detectron.modeling.samples import Sample

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

CLASS_IDS = {category: category - 10 for category in range(10, 16)}
# As they are on disk: no scaling (0), nothing random.
AS_THEY_ARE = (
    *("VX.AUGMENT.CROP", "shortest_edge", "INPUT.MIN_SIZE_TRAIN", "(0,)"),
    *("INPUT.MIN_SIZE_TEST", 0),
)
RANDOM = (
    *("INPUT.RANDOM_FLIP", "horizontal", "VX.AUGMENT.COPY_PASTE_PROB", 0.5),
    *("VX.AUGMENT.ROTATION_PROB", 0.5, "VX.AUGMENT.COLOR_JITTER_PROB", 0.5),
)


def training_set(records: list[dict], *options: object, seed: int = 0) -> TrainingSet:
    return TrainingSet(records, augment_cfg(*options), CLASS_IDS, seed)


def same(one: Sample, other: Sample) -> bool:
    names = ("image", "boxes", "classes", "masks", "subject")
    return one.image_id == other.image_id and all(
        torch.equal(getattr(one, name), getattr(other, name)) for name in names
    )


def test_a_sample_holds_what_is_annotated(tmp_path: Path) -> None:
    records = write_painted(tmp_path, 1)
    records[0]["annotations"][2]["iscrowd"] = 1
    records[0]["annotations"][4]["category_id"] = 1000
    sample = training_set(records, *AS_THEY_ARE)[0]
    masks = shapes(1, 60, 90)[[0, 1, 3, 5]]
    assert np.array_equal(sample.masks.numpy(), masks)
    assert sample.classes.tolist() == [0, 1, 3, 5]
    for box, mask in zip(sample.boxes.tolist(), masks, strict=True):
        x, y, width, height = rle_tools.toBbox(
            rle_tools.encode(np.asfortranarray(mask.astype(np.uint8)))
        )
        assert box == [x, y, x + width, y + height]
    assert (sample.subject == -1).all()  # six things alike: none of them is the subject
    assert (sample.file_name, sample.image_id) == (records[0]["file_name"], 1)
    types = {one.dtype for one in (sample.image, sample.boxes, sample.subject)}
    assert types == {torch.float32}
    assert (sample.masks.dtype, sample.classes.dtype) == (torch.bool, torch.int64)


def test_a_subject_photo_teaches_its_subject_and_no_class(tmp_path: Path) -> None:
    sample = training_set(write_painted(tmp_path, 1, "subject"), *AS_THEY_ARE)[0]
    assert len(sample.boxes) == len(sample.classes) == len(sample.masks) == 0
    assert sample.boxes.shape == (0, 4) and sample.masks.shape == (0, 60, 90)
    assert np.array_equal(sample.subject.numpy(), shapes(1, 60, 90).any(axis=0))


@pytest.mark.parametrize(
    ("record", "complete"),
    [
        ({}, True),
        ({"annotated_categories": [10, 11, 12, 13, 14, 15, 99]}, True),
        ({"annotated_categories": [10, 11]}, False),
        ({"mask_kind": "subject"}, False),
    ],
)
def test_complete_is_what_lists_every_class(
    tmp_path: Path, record: dict[str, Any], complete: bool
) -> None:
    (painted,) = write_painted(tmp_path, 1)
    assert training_set([{**painted, **record}], *AS_THEY_ARE)[0].complete is complete


@pytest.mark.parametrize(("order", "first"), [("BGR", 200), ("RGB", 10)])
def test_channels_come_in_the_order_of_the_input(tmp_path: Path, order: str, first: int) -> None:
    records = write_painted(tmp_path, 1)
    Image.new("RGB", (90, 60), (10, 100, 200)).save(records[0]["file_name"])
    image = training_set(records, *AS_THEY_ARE, "INPUT.FORMAT", order)[0].image
    assert image[:, 30, 40].tolist() == [first, 100, 210 - first]


def test_annotations_refer_to_the_upright_photo(tmp_path: Path) -> None:
    """As in Detectron2, whose ``read_image`` applies EXIF orientation."""
    (record,) = write_painted(tmp_path, 1, "subject")
    with Image.open(record["file_name"]) as upright:
        lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise, to see it upright
    lying.save(record["file_name"], exif=exif)
    sample = training_set([record], *AS_THEY_ARE)[0]
    assert torch.equal(sample.image[1] > 128, sample.subject == 1)


def test_boxes_enclose_their_masks_after_everything(tmp_path: Path) -> None:
    dataset = training_set(write_painted(tmp_path, 8), *RANDOM)
    for index in range(24):
        sample = dataset[index]
        assert len(sample.boxes) == len(sample.masks) == len(sample.classes)
        for box, mask in zip(sample.boxes.tolist(), sample.masks.numpy(), strict=True):
            rows, columns = np.where(mask)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box == edges


def test_an_instance_cut_away_is_dropped() -> None:
    painted = scene(1)
    painted.layers[2] = 0
    sample = to_sample(painted, {"file_name": "x", "image_id": 1}, "BGR", True)
    assert sample.classes.tolist() == [0, 1, 3, 4, 5]


def test_the_same_seed_and_epoch_give_the_same_sample(tmp_path: Path) -> None:
    records = write_painted(tmp_path, 4)
    dataset = training_set(records, *RANDOM)
    state = torch.random.get_rng_state()
    first = dataset[6]
    assert torch.equal(torch.random.get_rng_state(), state)  # the training's own draws go on
    torch.manual_seed(99)
    assert same(dataset[6], first)
    assert not same(dataset[2], first)  # the same photo an epoch before
    assert not same(training_set(records, *RANDOM, seed=2**31)[6], first)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker")  # on a small machine
def test_resumed_runs_see_the_same_pictures_with_any_number_of_workers(tmp_path: Path) -> None:
    dataset = training_set(write_painted(tmp_path, 5), *RANDOM)

    def take(start: int, count: int, workers: int) -> list[Sample]:
        sampler = EpochSampler(len(dataset), 3, start)
        loader = DataLoader(dataset, 2, sampler=sampler, num_workers=workers, collate_fn=collate)
        batches = iter(loader)
        return [sample for _ in range(count // 2) for sample in next(batches)]

    whole = take(0, 10, 0)
    assert sorted(sample.image_id for sample in whole[:5]) == [1, 2, 3, 4, 5]
    resumed = take(4, 6, 2)
    assert all(same(*pair) for pair in zip(resumed, whole[4:], strict=True))


def test_the_sampler_goes_on_where_it_was_broken_off() -> None:
    def take(start: int, count: int) -> list[int]:
        return [index for index, _ in zip(EpochSampler(7, 3, start), range(count), strict=False)]

    whole = take(0, 21)
    assert sorted(index % 7 for index in whole[:7]) == list(range(7))
    assert take(10, 11) == whole[10:]
    assert [i % 7 for i in whole[:7]] != [i % 7 for i in whole[7:14]]


def test_a_photo_that_has_gone_is_named_once_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = write_painted(tmp_path, 8)
    Path(records[3]["file_name"]).unlink()
    dataset = training_set(records, *RANDOM)
    with caplog.at_level(logging.WARNING):
        samples = [dataset[index] for index in range(16)]
    (message,) = [entry.getMessage() for entry in caplog.records]
    assert records[3]["file_name"] in message and "No such file" in message
    assert [s.image_id for i, s in enumerate(samples) if i % 8 != 3] == [1, 2, 3, 5, 6, 7, 8] * 2
    assert samples[3].image_id != 4 and samples[3].file_name != records[3]["file_name"]
    assert same(samples[3], training_set(records, *RANDOM)[3])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"no photo at all", "not a photo"),
        (None, r"has 90 x 60 pixels, its annotations are for 90 x 61"),
    ],
)
def test_too_many_photos_that_cannot_be_used_are_an_error(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    records = write_painted(tmp_path, 4)
    if content is None:
        records[0] = {**records[0], "height": 61, "annotations": []}
    else:
        Path(records[0]["file_name"]).write_bytes(content)
    broken = training_set(records[:1], *AS_THEY_ARE)
    with pytest.raises(DataError, match=rf"11 of 11 photos .* at most 20%.*1\.png: .*{words}"):
        broken[0]
    tolerable = training_set([*records[:1], *records[1:] * 3], *AS_THEY_ARE)  # one in ten
    assert len([tolerable[index] for index in range(60)]) == 60
    too_many = training_set([records[0]] * 3 + records[1:], *AS_THEY_ARE)  # one in two
    with pytest.raises(DataError, match="at most 20%"):
        for index in range(60):
            too_many[index]


def test_no_photos_at_all_are_an_error() -> None:
    with pytest.raises(DataError, match="got none"):
        training_set([])


def test_pasting_needs_instances(tmp_path: Path) -> None:
    subjects = write_painted(tmp_path, 2, "subject")
    with pytest.raises(DataError, match=r"COPY_PASTE_PROB is 0\.5, but no photo has an instance"):
        training_set(subjects, "VX.AUGMENT.COPY_PASTE_PROB", 0.5)
