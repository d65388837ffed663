"""Data sets by name, and that the real Detectron2 reads from them what it reads itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coco_files import write_disc_dataset

from vx_detectron.data import catalog
from vx_detectron.data.categories import Categories
from vx_detectron.data.coco import read_coco
from vx_detectron.errors import DataError
from vx_detectron.rle import encode_mask

# What Detectron2 and what it imports have to say to their developers.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

PETS = Categories({18: "dog", 17: "cat"})


def photo(*categories: int) -> dict:
    mask = encode_mask(np.ones((4, 6), dtype=np.uint8))
    annotations = [
        {"category_id": category, "bbox": [0.0, 0.0, 6.0, 4.0], "segmentation": mask, "iscrowd": 0}
        for category in categories
    ]
    return {"file_name": "1.jpg", "image_id": 1, "height": 4, "width": 6,
            "annotations": annotations}  # fmt: skip


@pytest.fixture
def without_detectron2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_detectron2")
def test_a_name_stands_for_what_was_registered_last() -> None:
    for records in ([photo(17)], [photo(17)], [photo(18)]):
        catalog.register(catalog.TRAIN, records, PETS)
        assert catalog.get("vx_train") == (records, PETS)


@pytest.mark.usefixtures("without_detectron2")
def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    catalog.register(catalog.VAL, [photo(17)], PETS)
    with pytest.raises(DataError, match=r"as 'vx_vall'; known names: .*vx_val"):
        catalog.get("vx_vall")


def test_detectron2_has_contiguous_classes_and_no_bare_subjects() -> None:
    original = photo(18, 1000, 17)
    converted = catalog.to_detectron2(original, PETS)
    assert [one["category_id"] for one in converted["annotations"]] == [1, 0]
    assert [one["category_id"] for one in original["annotations"]] == [18, 1000, 17]


@pytest.mark.detectron2
def test_detectron2_knows_the_names_and_the_classes() -> None:
    data = pytest.importorskip("detectron2.data")
    from detectron2.structures import BoxMode

    for _ in range(2):
        catalog.register(catalog.TRAIN, [photo(18, 1000)], PETS)
    (record,) = data.DatasetCatalog.get("vx_train")
    assert record == catalog.to_detectron2(photo(18, 1000), PETS)
    assert record["annotations"][0]["bbox_mode"] == BoxMode.XYWH_ABS
    metadata = data.MetadataCatalog.get("vx_train")
    assert metadata.thing_classes == ["cat", "dog"]
    assert metadata.thing_dataset_id_to_contiguous_id == {17: 0, 18: 1}


@pytest.mark.detectron2
def test_records_equal_those_of_detectron2s_own_reader(tmp_path: Path) -> None:
    coco = pytest.importorskip("detectron2.data.datasets.coco")
    import json

    path = write_disc_dataset(tmp_path, 3)
    content = json.loads(path.read_text())
    content["categories"] = [{"id": 44, "name": "ball"}, {"id": 3, "name": "car"}]
    for annotation in content["annotations"]:
        annotation["category_id"] = 44
    path.write_text(json.dumps(content))
    loaded = read_coco(path, tmp_path / "images")
    theirs = coco.load_coco_json(str(path), str(tmp_path / "images"), "vx_own_reader")
    for ours, their in zip(loaded.records, theirs, strict=True):
        converted = catalog.to_detectron2(ours, loaded.categories)
        assert {key: converted[key] for key in their if key != "annotations"} == {
            key: value for key, value in their.items() if key != "annotations"
        }
        for one, their_one in zip(converted["annotations"], their["annotations"], strict=True):
            assert {key: one[key] for key in their_one} == their_one
