"""Reading COCO files, against masks drawn by hand and pycocotools' own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import disc, write_disc_dataset
from pycocotools.coco import COCO

from vx_detectron.data.coco import Loaded, read_coco
from vx_detectron.data.segmentation import decode_mask
from vx_detectron.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

SQUARE = [[2, 1, 6, 1, 6, 5, 2, 5]]


def content(**changes: Any) -> dict[str, Any]:
    """Two photos; the first with a polygon, uncompressed RLE of a crowd, and a bare subject."""
    images = [
        {"id": 4, "file_name": "a/one.jpg", "width": 8, "height": 6, "split": "val"},
        {"id": 9, "file_name": "two.jpg", "width": 8, "height": 6},
    ]
    crowd = {"size": [6, 8], "counts": [24, 24]}  # the right half
    annotations = [
        {"id": 1, "image_id": 4, "category_id": 18, "segmentation": SQUARE, "area": 99},
        {"id": 2, "image_id": 4, "category_id": 1, "segmentation": crowd, "iscrowd": 1},
        {"id": 3, "image_id": 4, "category_id": 1000, "segmentation": SQUARE, "iscrowd": 0},
    ]
    categories = [
        {"id": 18, "name": "dog"},
        {"id": 1, "name": "person"},
        {"id": 1000, "name": "subject"},
    ]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    return {**whole, **changes}


def read(tmp_path: Path, content: Any) -> Loaded:
    path = tmp_path / "instances.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_coco(path, tmp_path / "images")


def test_records_equal_what_pycocotools_reads(tmp_path: Path) -> None:
    path = write_disc_dataset(tmp_path, 3)
    reference = COCO(str(path))
    records = read_coco(path, tmp_path / "images").records
    assert [r["image_id"] for r in records] == [1, 2, 3]
    for record in records:
        (annotation,) = record["annotations"]
        (wanted,) = reference.loadAnns([annotation["id"]])
        mask = decode_mask(annotation["segmentation"], record["height"], record["width"])
        assert np.array_equal(mask, reference.annToMask(wanted))
        assert annotation["area"] == wanted["area"] and annotation["bbox"] == wanted["bbox"]
        assert Path(record["file_name"]).is_file()


def test_annotations_get_the_area_and_box_of_their_mask(tmp_path: Path) -> None:
    first, second = read(tmp_path, content()).records
    assert first["file_name"] == str(tmp_path / "images" / "a" / "one.jpg")
    assert (first["height"], first["width"], first["split"]) == (6, 8, "val")
    dog, crowd, subject = first["annotations"]
    assert (dog["area"], dog["bbox"], dog["iscrowd"]) == (16, [2, 1, 4, 4], 0)
    assert (crowd["area"], crowd["bbox"], crowd["iscrowd"]) == (24, [4, 0, 4, 6], 1)
    assert [dog["category_id"], crowd["category_id"], subject["category_id"]] == [18, 1, 1000]
    assert second["annotations"] == []


def test_classes_are_numbered_by_id_and_the_subject_is_none(tmp_path: Path) -> None:
    categories = read(tmp_path, content()).categories
    assert categories.class_ids == {1: 0, 18: 1}
    assert categories.class_names == ("person", "dog")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is no json"),
        ("[" * 100_000, "is no json"),
        ("[]", "'images' and 'annotations'; it has list"),
        ('{"images": []}', r"it has \['images'\]"),
        (json.dumps(content(images={})), "'images' should be a list"),
        (json.dumps(content(categories=[{"id": "7", "name": "x"}])), "number 'id' and a 'name'"),
        (json.dumps(content(categories=[3])), "number 'id' and a 'name'"),
        (json.dumps(content(categories=[{"id": 1, "name": "x"}] * 2)), "two categories"),
    ],
)
def test_files_that_make_no_sense_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.json"):
        read_coco(tmp_path / "missing.json", tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "4"}, "needs numbers 'id'"),
        ({"width": 8.5}, "needs numbers 'id'"),
        ({"file_name": ""}, "needs numbers 'id'"),
        ({"width": 0}, "says 0 x 6 pixels"),
        ({"width": -8, "height": -6}, "says -8 x -6 pixels"),
        ({"width": 10**6, "height": 10**6}, "expected 1 to 100,000,000"),
        ({"split": 3}, "'split' should be a text"),
        ({"annotated_categories": 3}, "should be a list of category ids"),
    ],
)
def test_an_image_that_makes_no_sense_is_a_problem_and_the_rest_is_read(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    broken = content()
    broken["images"][1] |= change
    loaded = read(tmp_path, broken)
    assert [record["image_id"] for record in loaded.records] == [4]
    (problem,) = loaded.problems
    assert problem.file_name.endswith("instances.json") and words in problem.reason


def test_a_photo_with_a_broken_annotation_is_left_out_whole(tmp_path: Path) -> None:
    broken = content()
    broken["annotations"][1]["segmentation"]["counts"] = [24, 25]
    loaded = read(tmp_path, broken)
    assert [record["image_id"] for record in loaded.records] == [9]
    (problem,) = loaded.problems
    assert problem.file_name.endswith("one.jpg")
    assert problem.reason == "annotation 2: its RLE covers 49 pixels, its photo has 48"


def test_annotations_of_images_that_are_not_listed_are_one_problem(tmp_path: Path) -> None:
    broken = content()
    broken["annotations"] += [{"id": 7, "image_id": 5}, {"id": 8, "image_id": []}, "text"]
    loaded = read(tmp_path, broken)
    assert len(loaded.records) == 2
    (problem,) = loaded.problems
    assert "3 of its annotations" in problem.reason and "'id': 7" in problem.reason


def test_the_disc_is_a_disc() -> None:
    assert disc(5, 5, 2, 2, 1).tolist()[2] == [0, 1, 1, 1, 0]
