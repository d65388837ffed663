"""Reading COCO files, against masks drawn by hand and pycocotools' own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import disc, write_disc_dataset
from PIL import Image
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
        ("no json", "should be json"),
        ("[" * 100_000, "should be json"),
        ("[]", "'images' and 'annotations'; it has list"),
        ('{"images": []}', r"it has \['images'\]"),
        (json.dumps(content(images={})), "'images' should be a list"),
        (json.dumps(content(categories=[{"id": [7], "name": "x"}])), "an 'id' and a 'name'"),
        (json.dumps(content(categories=[3])), "an 'id' and a 'name'"),
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
        ({"id": [4]}, "needs an 'id'"),
        ({"width": 8.5}, "says 8.5 x 6 pixels"),
        ({"file_name": ""}, "needs an 'id'"),
        ({"width": 0}, "says 0 x 6 pixels"),
        ({"width": -8, "height": -6}, "says -8 x -6 pixels"),
        ({"width": 10**6, "height": 10**6}, "of 1 to 100,000,000 pixels"),
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


@pytest.mark.parametrize(
    "change",
    [
        {"width": 8.0, "height": 6.0},
        {"width": "8", "height": "6"},
        {"id": "9"},
        {"id": 9.0},
    ],
)
def test_numbers_may_be_written_in_other_ways(tmp_path: Path, change: dict[str, Any]) -> None:
    other = content()
    other["images"][1] |= change
    loaded = read(tmp_path, other)
    assert loaded.problems == []
    record = loaded.records[1]
    assert (record["image_id"], record["height"], record["width"]) == (9, 6, 8)
    assert all(type(record[key]) is int for key in ("image_id", "height", "width"))


def test_ids_that_are_texts_keep_their_annotations(tmp_path: Path) -> None:
    other = content()
    other["images"][0]["id"] = "IMG_4"
    for annotation in other["annotations"]:
        annotation |= {"image_id": "IMG_4", "category_id": str(annotation["category_id"])}
    first, _ = read(tmp_path, other).records
    assert [one["category_id"] for one in first["annotations"]] == [18, 1, 1000]
    assert type(first["image_id"]) is int and first["image_id"] > 0


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path: Path) -> None:
    assert len(read(tmp_path, "\ufeff" + json.dumps(content())).records) == 2


def test_sizes_that_are_missing_are_those_of_the_photos(tmp_path: Path) -> None:
    other = content()
    for image in other["images"]:
        del image["width"], image["height"]
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / "images" / "two.jpg")
    loaded = read(tmp_path, other)
    assert [(r["height"], r["width"]) for r in loaded.records] == [(6, 8)]
    (problem,) = loaded.problems  # the other photo is not there
    assert "one.jpg" in problem.reason


def test_backslashes_part_folders(tmp_path: Path) -> None:
    other = content()
    other["images"][0]["file_name"] = "a\\one.jpg"
    first, _ = read(tmp_path, other).records
    assert first["file_name"] == str(tmp_path / "images" / "a" / "one.jpg")


@pytest.mark.parametrize(
    "name", ["C:\\data\\one.jpg", "/home/me/data/one.jpg", "images/one.jpg", "one.JPG"]
)
def test_a_photo_that_is_elsewhere_is_found_by_its_name_and_told(tmp_path: Path, name: str) -> None:
    other = content()
    other["images"][0]["file_name"] = name
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / "images" / "one.jpg")
    loaded = read(tmp_path, other)
    assert loaded.records[0]["file_name"] == str(tmp_path / "images" / "one.jpg")
    (note,) = [note for note in loaded.notes if "found by name" in note]
    assert note.startswith("photos that were not at their path") and "one." in note


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_of_unicode(tmp_path: Path, encoding: str) -> None:
    other = content()
    path = tmp_path / "instances.json"
    path.write_bytes(json.dumps(other).encode(encoding))
    assert len(read_coco(path, tmp_path).records) == len(other["images"])
    path.write_bytes(json.dumps(other | {"info": "é"}, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(DataError, match="should be UTF-8 text"):
        read_coco(path, tmp_path)


@pytest.mark.parametrize("polygon", [[[2, 1, 5, 1]], [[2, 1, 2, 1, 2, 1]], [[2, 1]]])
def test_a_polygon_that_encloses_nothing_is_dropped_like_a_box(
    tmp_path: Path, polygon: list[list[float]]
) -> None:
    other = content()
    other["annotations"][1]["segmentation"] = polygon
    loaded = read(tmp_path, other)
    first, second = loaded.records
    assert loaded.problems == [] and [one["id"] for one in first["annotations"]] == [1, 3]
    assert not loaded.categories.complete(first) and loaded.categories.complete(second)
    assert any("encloses nothing, dropped" in note for note in loaded.notes)


def test_corners_a_little_outside_are_clipped_and_told(tmp_path: Path) -> None:
    other = content()
    other["annotations"][0]["segmentation"] = [[2, 1, 10.5, 1, 10.5, 5, 2, 5]]
    loaded = read(tmp_path, other)
    assert loaded.problems == []
    assert loaded.records[0]["annotations"][0]["bbox"] == [2, 1, 6, 4]
    (note,) = [note for note in loaded.notes if "corners outside" in note]
    assert "annotation 1 of" in note and "one.jpg" in note


def test_a_flat_list_of_corners_is_one_polygon(tmp_path: Path) -> None:
    other = content()
    other["annotations"][0]["segmentation"] = SQUARE[0]
    assert read(tmp_path, other).records[0]["annotations"][0]["area"] == 16


@pytest.mark.parametrize("mask", [None, [], [[]], {}, ""])
def test_a_box_alone_is_dropped_and_its_class_is_unknown_there(tmp_path: Path, mask: Any) -> None:
    other = content()
    other["annotations"][1]["segmentation"] = mask
    loaded = read(tmp_path, other)
    first, second = loaded.records
    assert [one["id"] for one in first["annotations"]] == [1, 3]
    assert not loaded.categories.complete(first) and loaded.categories.complete(second)
    assert any("without a mask, dropped" in note for note in loaded.notes)


def test_a_file_of_boxes_alone_is_refused(tmp_path: Path) -> None:
    other = content()
    for annotation in other["annotations"]:
        del annotation["segmentation"]
    with pytest.raises(DataError, match="none of its 3 annotations has a mask"):
        read(tmp_path, other)


def test_crowds_are_called_by_that_word(tmp_path: Path) -> None:
    other = content()
    for annotation in other["annotations"]:
        annotation["iscrowd"] = 1
    notes = read(tmp_path, other).notes
    assert any(note.startswith("annotations marked as crowds (iscrowd 1)") for note in notes)
    assert any(note.startswith("photos in which everything is a crowd") for note in notes)


@pytest.mark.parametrize(
    ("categories", "names", "subjects"),
    [
        ([(3, "a"), (1000, "b"), (1001, "c")], {3: "a", 1000: "b", 1001: "c"}, set()),
        ([(3, "a"), (1000, "Subject")], {3: "a"}, {1000}),
        ([(3, "a"), (7, "subject")], {3: "a"}, {7, 1000}),
        ([(3, "a")], {3: "a"}, {1000}),
    ],
)
def test_the_subject_is_a_name_and_no_number(
    tmp_path: Path, categories: list[tuple[int, str]], names: dict[int, str], subjects: set[int]
) -> None:
    entries = [{"id": number, "name": name} for number, name in categories]
    found = read(tmp_path, content(annotations=[], categories=entries)).categories
    assert found.names == names and found.subject_ids == subjects


def test_roots_and_double_names_are_no_further_classes(tmp_path: Path) -> None:
    entries = [
        {"id": 0, "name": "dog", "supercategory": "none"},  # Roboflow's root
        {"id": 18, "name": "dog", "supercategory": "dog"},
        {"id": 1, "name": "person"},
        {"id": 40, "name": "person"},
    ]
    other = content(categories=entries)
    other["annotations"][1]["category_id"] = 40
    loaded = read(tmp_path, other)
    assert loaded.categories.names == {18: "dog", 1: "person"}
    assert [one["category_id"] for one in loaded.records[0]["annotations"]] == [18, 1, 1000]
    assert any("treated as one: person" in note for note in loaded.notes)
