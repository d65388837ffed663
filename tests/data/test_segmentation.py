"""COCO's three spellings of a mask: decoded as drawn, or refused before they do harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coco_files import disc
from pycocotools import mask as rle_tools

from vx_detectron.data.segmentation import decode_mask, to_rle
from vx_detectron.errors import DataError
from vx_detectron.rle import encode_mask, mask_area, mask_box

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

SQUARE = np.zeros((10, 12), dtype=np.uint8)
SQUARE[2:6, 3:9] = 1
COMPRESSED = rle_tools.encode(np.asfortranarray(SQUARE))
RUNS = [32, 4, 6, 4, 6, 4, 6, 4, 6, 4, 6, 4, 34]  # down the columns, background first
POLYGON = [[3, 2, 9, 2, 9, 6, 3, 6]]


@pytest.mark.parametrize(
    "spelling",
    [
        COMPRESSED,
        {**COMPRESSED, "counts": COMPRESSED["counts"].decode()},
        {"size": [10, 12], "counts": RUNS},
        POLYGON,
        [[3, 2, 6, 2, 6, 6, 3, 6], [6, 2, 9, 2, 9, 6, 6, 6]],
        [*POLYGON, [0, 0, 12, 10]],  # two corners enclose nothing; pycocotools takes them for a box
    ],
)
def test_all_spellings_of_one_mask(spelling: Any) -> None:
    assert np.array_equal(decode_mask(spelling, 10, 12), SQUARE)
    rle = to_rle(spelling, 10, 12)
    assert mask_area(rle) == 24
    assert mask_box(rle) == [3, 2, 6, 4]


def test_random_masks_come_back_as_they_were() -> None:
    random = np.random.default_rng(3)
    for _ in range(100):
        height, width = random.integers(1, 80, 2)
        mask = (random.random((height, width)) < random.random()).astype(np.uint8)
        assert np.array_equal(decode_mask(encode_mask(mask), height, width), mask)
    large = disc(1500, 2000, 900, 700, 600)  # runs of several characters, and negative differences
    assert np.array_equal(decode_mask(encode_mask(large), 1500, 2000), large)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        (None, "it has no mask"),
        ([], "it has no mask"),
        ("polygon", "it has no mask"),
        ({"counts": RUNS}, "it has no mask"),
        ({"size": [12, 10], "counts": RUNS}, r"of size \[12, 10\], its photo of \[10, 12\]"),
        ({"size": [10, 12], "counts": RUNS[:-1]}, "covers 86 pixels, its photo has 120"),
        ({"size": [10, 12], "counts": [*RUNS, 1]}, "covers 121 pixels"),
        ({"size": [10, 12], "counts": [-10, 130]}, "0 or more, got"),
        ({"size": [10, 12], "counts": [2**70, 1]}, "0 or more, got"),
        ({"size": [10, 12], "counts": [[1], [2, 3]]}, "0 or more, got"),
        ({"size": [10, 12], "counts": []}, "0 or more, got"),
        ({"size": [10, 12], "counts": None}, "0 or more, got"),
        ({"size": [10, 12], "counts": ""}, "is damaged"),
        ({"size": [10, 12], "counts": "0"}, "covers 0 pixels"),
        ({"size": [10, 12], "counts": "é"}, "is damaged"),
        ({"size": [10, 12], "counts": "oooooooo0"}, "is damaged"),
        ({"size": [10, 12], "counts": "P"}, "is damaged"),
        ([[1, 2, 3]], "must be numbers x0, y0"),
        ([["a"] * 6], "must be numbers x0, y0"),
        ([5], "must be numbers x0, y0"),
        ([[1, 1, 5, 1, 5, float("nan")]], r"corner at \(5, nan\), far outside 12 x 10"),
        ([[1, 1, 1e300, 1, 5, 5]], r"corner at \(1e\+300, 1\)"),
        ([[1, 1, 17, 1, 5, 5]], r"corner at \(17, 1\), far outside"),
        ([[1, -5, 10, 1, 5, 5]], r"corner at \(1, -5\), far outside"),
    ],
)
def test_what_is_no_mask_of_the_photo_is_refused(segmentation: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        decode_mask(segmentation, 10, 12)


def test_random_characters_are_refused_or_make_a_whole_mask() -> None:
    random = np.random.default_rng(0)
    for _ in range(3000):
        counts = bytes(random.integers(40, 120, random.integers(1, 12)).astype(np.uint8))
        try:
            mask = decode_mask({"size": [3, 4], "counts": counts}, 3, 4)
        except DataError:
            continue
        assert mask.shape == (3, 4) and set(np.unique(mask)) <= {0, 1}
