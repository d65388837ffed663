"""Annotations as other programs export them: the same square, whoever wrote it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vx_detectron.data.coco import Loaded, read_coco, write_coco
from vx_detectron.data.exports import read_export
from vx_detectron.data.segmentation import decode_mask
from vx_detectron.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

HEIGHT, WIDTH = 20, 30
SQUARE = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
SQUARE[4:12, 6:18] = 1
X, Y = [6, 18, 18, 6], [4, 4, 12, 12]
CORNERS = list(zip(X, Y, strict=True))
POLYGON = [float(number) for corner in CORNERS for number in corner]


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)).save(path)
    return path


def expect_square(loaded: Loaded, name: str = "cat") -> dict[str, Any]:
    """The one annotation, once it was found to be the square."""
    assert loaded.problems == []
    (record,) = [one for one in loaded.records if one["annotations"]]
    assert Path(record["file_name"]).is_file()
    assert (record["height"], record["width"]) == (HEIGHT, WIDTH)
    (annotation,) = record["annotations"]
    assert np.array_equal(decode_mask(annotation["segmentation"], HEIGHT, WIDTH), SQUARE)
    assert loaded.categories.names[annotation["category_id"]] == name
    return annotation


def yolo(folder: Path, **settings: Any) -> Path:
    """Roboflow's layout, with a box in the validation photo."""
    for split, line in (
        ("train", "1 " + " ".join(f"{x / WIDTH} {y / HEIGHT}" for x, y in CORNERS)),
        ("valid", "0 0.5 0.5 0.2 0.2"),
    ):
        photo(folder / split / "images" / "images of 1.png")
        labels = folder / split / "labels" / "images of 1.txt"
        labels.parent.mkdir()
        labels.write_text(line + "\n")
    photo(folder / "train" / "images" / "empty.png")
    settings = {"train": "../train/images", "val": "../valid/images", "names": ["dog", "cat"],
                **settings}  # fmt: skip
    (folder / "data.yaml").write_text(json.dumps(settings))  # json is yaml
    return folder / "data.yaml"


def test_yolo_polygons(tmp_path: Path) -> None:
    source = yolo(tmp_path)
    for given in (source, tmp_path):
        loaded = read_export(given, Path())
        expect_square(loaded)
        assert loaded.categories.class_names == ("dog", "cat")
        splits = [record["split"] for record in loaded.records]
        assert sorted(splits) == ["train", "train", "val"]
        assert len({record["image_id"] for record in loaded.records}) == 3
        complete = {r["split"]: loaded.categories.complete(r) for r in loaded.records}
        assert complete == {"train": True, "val": False}  # of the box there is no mask


@pytest.mark.parametrize(
    ("settings", "line", "words"),
    [
        ({"train": "nowhere"}, "", "names 'nowhere', but there is no such folder or file"),
        ({"names": "cat"}, "", "'names' should list the classes"),
        ({}, "7 0 0 0 1 1 1", r"line 1: expected a class of \[0, 1\]"),
        ({}, "cat 0 0 0 1 1 1", "line 1: expected a class"),
    ],
)
def test_yolo_that_makes_no_sense(tmp_path: Path, settings: Any, line: str, words: str) -> None:
    source = yolo(tmp_path, **settings)
    if line:
        (tmp_path / "train" / "labels" / "images of 1.txt").write_text(line)
    with pytest.raises(DataError, match=words):
        read_export(source, Path())


def labelme(folder: Path, *shapes: dict[str, Any]) -> Path:
    photo(folder / "a.png")
    content = {"version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": "..\\x\\a.png",
               "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH}  # fmt: skip
    (folder / "a.json").write_text(json.dumps(content))
    return folder


def shape(points: Any, kind: str = "polygon", **extra: Any) -> dict[str, Any]:
    return {"label": "cat", "points": points, "shape_type": kind, "group_id": None, **extra}


def stored_mask() -> str:
    stream = io.BytesIO()
    Image.fromarray(SQUARE[4:12, 6:18] * 255).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


HALVES = ([[6, 4], [12, 4], [12, 12], [6, 12]], [[12, 4], [18, 4], [18, 12], [12, 12]])


@pytest.mark.parametrize(
    "shapes",
    [
        [shape(CORNERS)],
        [shape(half, group_id=3) for half in HALVES],
        [shape([[6, 4], [17, 11]], "mask", mask=stored_mask())],
        [shape(CORNERS), shape([[1, 1], [3, 3]], "rectangle")],
    ],
)
def test_labelme_shapes(tmp_path: Path, shapes: list[dict[str, Any]]) -> None:
    loaded = read_export(labelme(tmp_path, *shapes), Path())
    assert "subject" not in expect_square(loaded)
    dropped = any(one["shape_type"] == "rectangle" for one in shapes)
    assert ["without a mask, dropped" in note for note in loaded.notes] == [True] * dropped
    assert loaded.categories.complete(loaded.records[0]) is not dropped


def test_labelme_circles_and_subjects(tmp_path: Path) -> None:
    circle = shape([[15, 10], [15, 16]], "circle", flags={"subject": True})
    (record,) = read_export(labelme(tmp_path, circle), Path()).records
    assert record["annotations"][0]["area"] == pytest.approx(np.pi * 36, rel=0.08)
    assert record["annotations"][0]["subject"] is True


@pytest.mark.parametrize("broken", [{"points": [[1, 2]]}, shape("abc"), shape(None)])
def test_labelme_that_makes_no_sense(tmp_path: Path, broken: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"a\.json: a shape"):
        read_export(labelme(tmp_path, broken), Path())


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><labels><label><name>dog</name></label><label><name>cat</name></label></labels></task>
</meta><image id="0" name="a.png" subset="Train" width="30" height="20">{shape}</image>
</annotations>"""
CVAT_POLYGON = '<polygon label="cat" points="6.0,4.0;18.0,4.0;18.0,12.0;6.0,12.0">{inner}</polygon>'
CVAT_MASK = '<mask label="cat" rle="0,96" left="6" top="4" width="12" height="8"></mask>'


@pytest.mark.parametrize(
    ("inner", "marked"),
    [
        (CVAT_POLYGON.format(inner=""), False),
        (CVAT_POLYGON.format(inner='<attribute name="subject">true</attribute>'), True),
        (CVAT_MASK, False),
        (CVAT_MASK + '<box label="dog" xtl="1" ytl="1" xbr="5" ybr="5"/><tag label="dog"/>', False),
    ],
)
def test_cvat_shapes(tmp_path: Path, inner: str, marked: bool) -> None:
    photo(tmp_path / "a.png")
    source = tmp_path / "annotations.xml"
    source.write_text(CVAT.format(shape=inner))
    loaded = read_export(source, tmp_path)
    assert expect_square(loaded).get("subject", False) is marked
    assert loaded.categories.class_names == ("dog", "cat")
    assert loaded.records[0]["split"] == "train"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotations><track/></annotations>", "of a video; export the task as 'CVAT for images'"),
        ("<annotation/>", "should be CVAT's XML for images"),
        ("<annotations>", "is damaged"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><annotations/>', "declares entities"),
        (CVAT.format(shape='<mask label="cat" rle="5" left="0" top="0" width="9" height="9"/>'),
         r"image a\.png is invalid.*runs of 5 pixels"),
        (CVAT.format(shape='<polygon label="cat" points="1,2;x,3;4,5"/>'), "is invalid"),
    ],
)  # fmt: skip
def test_cvat_that_makes_no_sense(tmp_path: Path, text: str, words: str) -> None:
    source = tmp_path / "annotations.xml"
    source.write_text(text)
    with pytest.raises(DataError, match=words):
        read_export(source, tmp_path)


def via(region: dict[str, Any], attributes: Any, project: bool, listed: bool) -> dict[str, Any]:
    one = {"shape_attributes": region, "region_attributes": attributes}
    regions = [one] if listed else {"0": one}
    photos = {"a.png123": {"filename": "a.png", "size": 123, "regions": regions}}
    return {"_via_settings": {}, "_via_img_metadata": photos} if project else photos


VIA_POLYGON = {"name": "polygon", "all_points_x": X, "all_points_y": Y}


@pytest.mark.parametrize(
    ("attributes", "project", "listed", "name"),
    [
        ({"class": "cat"}, True, True, "cat"),
        ({"species": "cat"}, False, False, "cat"),
        ({"type": {"dog": False, "cat": True}, "subject": "1"}, True, True, "cat"),
        ({}, False, True, "object"),
    ],
)
def test_via_regions(
    tmp_path: Path, attributes: Any, project: bool, listed: bool, name: str
) -> None:
    photo(tmp_path / "a.png")
    source = tmp_path / "via.json"
    source.write_text(json.dumps(via(VIA_POLYGON, attributes, project, listed)))
    marked = expect_square(read_export(source, tmp_path), name).get("subject", False)
    assert marked is ("subject" in attributes)


def coco(folder: Path, json_file: Path, category: int, name: str = "cat") -> None:
    """One photo with the square, as Roboflow names its category."""
    photo(folder / "a.png")
    image = {"id": 0, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}
    annotation = {"id": 0, "image_id": 0, "category_id": category, "segmentation": [POLYGON]}
    root = {"id": 0, "name": "things", "supercategory": "none"}
    categories = [root, {"id": category, "name": name, "supercategory": "things"}]
    json_file.parent.mkdir(parents=True, exist_ok=True)
    content = {"images": [image], "annotations": [annotation], "categories": categories}
    json_file.write_text(json.dumps(content))


def test_coco_in_folders_of_its_splits(tmp_path: Path) -> None:
    for name, category in (("train", 1), ("valid", 2)):  # the same class, numbered differently
        coco(tmp_path / name, tmp_path / name / "_annotations.coco.json", category)
    loaded = read_export(tmp_path, Path())
    assert sorted(record["split"] for record in loaded.records) == ["train", "val"]
    assert loaded.categories.class_names == ("cat",)
    for record in loaded.records:
        expect_square(loaded._replace(records=[record]))


def test_coco_as_coco_itself_is_packed(tmp_path: Path) -> None:
    for name in ("train2017", "val2017"):
        coco(tmp_path / name, tmp_path / "annotations" / f"instances_{name}.json", 5)
    loaded = read_export(tmp_path, Path())
    assert sorted(record["split"] for record in loaded.records) == ["train", "val"]
    assert loaded.problems == []


def test_what_is_of_no_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no annotations of a known format; expected COCO"):
        read_export(tmp_path, tmp_path)
    single = labelme(tmp_path, shape(CORNERS)) / "a.json"
    with pytest.raises(DataError, match="give the folder"):
        read_export(single, tmp_path)
    with pytest.raises(DataError, match=r"cannot read the annotations .*none\.json"):
        read_export(tmp_path / "none.json", tmp_path)


def test_what_was_read_is_written_as_coco(tmp_path: Path) -> None:
    before = read_export(labelme(tmp_path / "photos", shape(CORNERS)), Path())
    target = tmp_path / "out.json"
    write_coco(target, before)
    assert json.loads(target.read_text())["images"][0]["file_name"] == "photos/a.png"
    after = read_coco(target, tmp_path)
    expect_square(after)
    assert [r["image_id"] for r in after.records] == [r["image_id"] for r in before.records]
