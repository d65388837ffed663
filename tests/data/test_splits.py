"""Splits: whole, disjoint, free of order, and the same again when a training goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.data.coco import DatasetDict
from vx_detectron.data.splits import Splits, make_splits, record_splits, split_dataset
from vx_detectron.errors import DataError

# Of the list of the 160 ids, made by the code that trained the bundled model.
VALIDATION_PHOTOS = "809276b222bdb99c6e4d0e25efccec270894bf877b2463ba1709331d45c7d26c"


def records(*numbers: int, **extra: Any) -> list[DatasetDict]:
    """Photos with a subject."""
    photo = {"mask_kind": "subject", "annotations": [{"area": 9.0}], **extra}
    return [{"image_id": number, **photo} for number in numbers]


def split(cfg: CfgNode, photos: list[DatasetDict], *, resume: bool = False) -> Splits:
    """As a training does it."""
    splits = split_dataset(cfg, photos, resume=resume)
    record_splits(cfg, splits, resume=resume)
    return splits


def ids(splits: Splits) -> list[set[int]]:
    return [{record["image_id"] for record in part} for part in splits]


def config(folder: Path, validation: int = 5, test: int = 3) -> CfgNode:
    return load_cfg(None, ["OUTPUT_DIR", str(folder), "VX.DATA.VALIDATION", str(validation),
                           "VX.DATA.TEST", str(test)])  # fmt: skip


def test_the_split_is_whole_disjoint_and_free_of_order() -> None:
    photos = records(*range(40))
    splits = make_splits(photos, 5, 3, seed=1)
    train, val, test = ids(splits)
    assert (len(train), len(val), len(test)) == (32, 5, 3)
    assert train | val | test == set(range(40))
    assert make_splits(photos[::-1], 5, 3, seed=1) == splits
    assert ids(make_splits(photos, 5, 3, seed=2))[1] != val


def test_a_split_of_its_own_is_respected() -> None:
    photos = [*records(*range(20)), *records(20, 21, split="val"), *records(22, split="dev")]
    train, val, test = ids(make_splits(photos, 5, 3, seed=1))
    assert val == {20, 21}  # the data names its own, so no others are held out
    assert len(test) == 3 and len(train) == 17
    assert 22 not in train | val | test


def test_photos_without_a_subject_are_not_held_out_unless_none_has_one() -> None:
    without = records(*range(20), annotations=[])
    train, val, test = ids(make_splits([*without, *records(*range(20, 34))], 2, 5, seed=1))
    assert (len(val), len(test)) == (2, 5) and val | test < set(range(20, 34))
    assert train == set(range(34)) - val - test
    train, val, test = ids(make_splits(without, 2, 5, seed=1))
    assert (len(train), len(val), len(test)) == (13, 2, 5)


def test_where_subjects_are_too_few_other_photos_that_can_be_judged_fill_up() -> None:
    with_subject = records(*range(6))
    others = records(*range(10, 30), annotations=[{"area": 1.0}], mask_kind="instance", height=50,
                     width=50)  # fmt: skip
    _, val, test = ids(make_splits([*with_subject, *others], 10, 0, 1, judged=lambda _: True))
    assert len(val & set(range(6))) == 3 and len(val) == 10 and test == set()
    _, val, _ = ids(make_splits([*with_subject, *others], 10, 0, 1))
    assert len(val) == 3
    _, val, _ = ids(make_splits(others, 12, 0, 1, judged=lambda record: record["image_id"] < 20))
    assert len(val) == 5 and val < set(range(10, 20))


@pytest.mark.parametrize(
    ("photos", "validation", "test", "expected"),
    [(20, 5, 5, (10, 5, 5)), (20, 15, 5, (11, 7, 2)), (20, 160, 0, (10, 10, 0)),
     (1, 160, 0, (1, 0, 0)), (0, 160, 0, (0, 0, 0))],
)  # fmt: skip
def test_at_most_half_is_held_out(
    photos: int,
    validation: int,
    test: int,
    expected: tuple[int, int, int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    splits = make_splits(records(*range(photos)), validation, test, seed=1)
    assert tuple(map(len, splits)) == expected
    assert ("more than half" in caplog.text) == (expected[1:] != (validation, test))


def test_a_data_set_that_grows_and_shrinks_keeps_its_splits(tmp_path: Path) -> None:
    cfg = config(tmp_path)
    first = ids(split(cfg, records(*range(40))))
    away = min(first[1])
    larger = records(*(number for number in range(60) if number != away))
    grown = ids(split(cfg, larger, resume=True))
    assert grown == [first[0] | set(range(40, 60)), first[1] - {away}, first[2]]
    back = ids(split(cfg, records(*range(60)), resume=True))
    assert back[1] == first[1]
    anew = ids(split(cfg, records(*range(60))))
    assert len(anew[1]) == 5 and anew[0] | anew[1] | anew[2] == set(range(60))


def test_the_file_lists_ids_and_nothing_else_is_left(tmp_path: Path) -> None:
    splits = split(config(tmp_path / "new"), records(*range(10)))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["splits.json"]
    content = json.loads((tmp_path / "new" / "splits.json").read_text())
    assert [set(content[name]) for name in ("train", "val", "test")] == ids(splits)


@pytest.mark.parametrize("text", ["{", "[]", '{"train": [1]}', '{"train": 1, "val": 2, "test": 3}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(DataError, match=r"splits\.json should list the image ids"):
        split(config(tmp_path), records(1, 2), resume=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write .*splits\.json"):
        split(config(tmp_path / "file"), records(1, 2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
def test_the_bundled_model_was_validated_on_these_photos(shared: Path) -> None:
    """Written by the rule of that training: sorted by hash, the first 160 with a subject."""
    from vx_detectron.data.sources import load_records

    data = shared / "data"
    cfg = load_cfg("train_vx_eye", ["VX.DATA.JSON", str(data / "instances.json"),
                                         "VX.DATA.IMAGE_ROOT", str(data / "images")])  # fmt: skip
    loaded = load_records(cfg)
    assert len(loaded.records) == 8693 and loaded.problems == []
    splits = make_splits(loaded.records, 160, 0, seed=1)
    assert (len(splits.train), len(splits.val)) == (8345, 160)
    held_out = json.dumps([record["image_id"] for record in splits.val])
    assert hashlib.sha256(held_out.encode()).hexdigest() == VALIDATION_PHOTOS
