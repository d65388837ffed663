"""Reading COCO files, against masks drawn by hand and pycocotools' own reader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from coco_files import disc, write_disc_dataset
from pycocotools import mask as rle_tools
from pycocotools.coco import COCO

from vx_detectron.data.coco import decode_mask, load_coco_json
from vx_detectron.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")


def test_records_equal_what_pycocotools_reads(tmp_path: Path) -> None:
    path = write_disc_dataset(tmp_path, 3)
    reference = COCO(str(path))
    records = load_coco_json(path, tmp_path / "images")
    assert [r["image_id"] for r in records] == [1, 2, 3]
    for record in records:
        (annotation,) = record["annotations"]
        expected = reference.annToMask(reference.loadAnns([annotation["id"]])[0])
        mask = decode_mask(annotation["segmentation"], record["height"], record["width"])
        assert np.array_equal(mask, expected)
        assert Path(record["file_name"]).is_file()


def test_three_spellings_of_one_mask() -> None:
    square = np.zeros((10, 12), dtype=np.uint8)
    square[2:6, 3:9] = 1
    compressed = rle_tools.encode(np.asfortranarray(square))
    runs, value, length = [], 0, 0
    for pixel in square.T.ravel():
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    uncompressed = {"size": [10, 12], "counts": [*runs, length]}
    polygon = [[3, 2, 9, 2, 9, 6, 3, 6]]
    for spelling in (compressed, uncompressed, polygon):
        assert np.array_equal(decode_mask(spelling, 10, 12), square)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no json", "is no json"),
        ("[]", "'images' and 'annotations'; it has list"),
        ('{"images": []}', r"it has \['images'\]"),
        (
            json.dumps({"images": [], "annotations": [{"id": 7, "image_id": 9}]}),
            "annotation 7 belongs to image 9",
        ),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(DataError, match=words):
        load_coco_json(path, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.json"):
        load_coco_json(tmp_path / "missing.json", tmp_path)


def test_the_disc_is_a_disc() -> None:
    assert disc(5, 5, 2, 2, 1).tolist()[2] == [0, 1, 1, 1, 0]
