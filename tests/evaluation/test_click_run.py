"""Simulated clicks against what is worked out by hand, and against a person who cannot err."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from coco_files import disc
from mask_sets import SIZE, disc_masks, write_set
from pycocotools import mask as rle_tools
from shipped_photos import Photo
from skimage.measure import label

from vx_detectron.errors import DataError
from vx_detectron.evaluation.click_run import (
    SegmenterClicks,
    evaluate_clicks,
    subjects_of,
    summary_of,
    things_of,
)
from vx_detectron.evaluation.plain_grabcut import PlainGrabCut
from vx_detectron.evaluation.simulated_clicks import Click, iou, next_click, simulate
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances

# pycocotools 2 hands NumPy 2 an array-like of the old kind.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def drawn(*rectangles: tuple[int, int, int, int]) -> BoolArray:
    """Rows from, to, columns from, to, on 20 x 30."""
    mask = np.zeros((20, 30), dtype=np.bool_)
    for top, bottom, left, right in rectangles:
        mask[top:bottom, left:right] = True
    return mask


NOTHING = drawn()


def test_the_click_is_in_the_middle_of_the_largest_error() -> None:
    truth = drawn((2, 9, 2, 9), (10, 19, 15, 24))
    assert next_click(truth, NOTHING, []) == Click(True, 14, 19)
    surplus = drawn((2, 9, 2, 9), (10, 19, 15, 24), (0, 20, 28, 30))
    assert not next_click(truth, surplus, []).keep
    assert next_click(truth, drawn((10, 19, 15, 24)), []) == Click(True, 5, 5)


def test_the_border_of_the_photo_is_an_edge() -> None:
    click = next_click(drawn((0, 7, 0, 7)), NOTHING, [])
    assert click == Click(True, 3, 3)


def test_no_pixel_is_clicked_twice() -> None:
    truth, clicks = drawn((5, 8, 5, 8)), list[Click]()
    for _ in range(9):
        clicks.append(next_click(truth, NOTHING, clicks))
    assert len({(one.row, one.column) for one in clicks}) == 9
    assert all(truth[one.row, one.column] for one in clicks)


def test_a_cut_that_takes_the_part_that_is_clicked_needs_a_click_a_part() -> None:
    """Three parts; each keep click brings the whole part that holds it."""
    truth = drawn((1, 9, 1, 9), (1, 9, 12, 18), (12, 18, 20, 26))
    parts = label(truth)

    def cut(clicks: list[Click]) -> BoolArray:
        return np.isin(parts, [parts[one.row, one.column] for one in clicks])

    scores = simulate(truth, cut)
    total = 64 + 48 + 36
    assert scores == pytest.approx([0, 64 / total, (64 + 48) / total, 1])
    assert simulate(truth, cut, enough=0.4) == scores[:2]
    assert simulate(truth, cut, enough=0.4, least=2) == scores[:3]
    assert simulate(truth, cut, truth) == [1.0]
    assert len(simulate(truth, lambda clicks: NOTHING, most=4)) == 5


def test_iou_by_hand() -> None:
    assert iou(drawn((0, 4, 0, 4)), drawn((0, 4, 2, 6))) == pytest.approx(8 / 24)
    assert iou(NOTHING, NOTHING) == 1


def test_the_figures_by_hand() -> None:
    curves = [[0, 0.5, 0.86, 0.91], [0.0] + [0.8] * 20, [0.2, 0.95, 0.9, 0.96, 0.96, 0.97]]
    rows = [
        {"seconds_per_click": 0.1, "iou": {str(k): v for k, v in enumerate(curve)}}
        for curve in curves
    ]
    figures = summary_of(rows)
    assert figures["masks"] == 3
    assert figures["noc_85"] == pytest.approx((2 + 20 + 1) / 3)
    assert figures["noc_90"] == pytest.approx((3 + 20 + 1) / 3)
    assert (figures["failures_85"], figures["failures_90"]) == (1, 1)
    assert figures["iou_1"] == pytest.approx((0.5 + 0.8 + 0.95) / 3)
    assert figures["iou_5"] == pytest.approx((0.91 + 0.8 + 0.97) / 3)
    assert figures["harmful_clicks"] == pytest.approx(1 / 28)
    assert figures["gain_per_click"] == pytest.approx((0.91 + 0.8 + 0.77) / 28)


class Shapes:
    """Knows the discs of a set by where a click lies: what is right from the first click on."""

    name = "shapes"
    redraws = True
    nbytes = 0

    def open(self, image: ByteArray, instances: Instances | None) -> Shapes:
        return self

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        if drop.any() or not keep[24, 32]:
            return np.zeros(SIZE, dtype=np.float32)
        return disc(*SIZE, 32, 24, 16).astype(np.float32)


def test_a_folder_of_subjects(coffee: Photo, tmp_path: Path) -> None:
    images, masks = write_set(tmp_path, coffee, disc_masks((16, 16)))
    (images / "2.jpg").write_bytes(b"no photo")
    (masks / "2.png").write_bytes((masks / "0.png").read_bytes())
    results = evaluate_clicks(
        subjects_of(images, masks), SegmenterClicks(Shapes()), start="nothing"
    )
    assert results["summary"]["masks"] == 2 and results["summary"]["noc_90"] == 1
    assert [row["name"] for row in results["photos"]] == ["0", "1"]
    assert results["problems"] and results["prediction"] == {"segmenter": "shapes"}
    assert json.dumps(results, allow_nan=False)


def coco_of(folder: Path, photo: Photo) -> tuple[Path, Path]:
    """One photo with two things and a crowd, of split dev; one of split train."""
    images, _ = write_set(folder, photo, disc_masks((8, 8)))

    def one(number: int, image: int, mask: BoolArray, crowd: int = 0) -> dict[str, object]:
        rle = rle_tools.encode(np.asfortranarray(mask.astype(np.uint8)))
        rle["counts"] = rle["counts"].decode()
        return {"id": number, "image_id": image, "category_id": 1, "segmentation": rle,
                "iscrowd": crowd, "area": int(mask.sum()), "bbox": [0, 0, 1, 1]}  # fmt: skip

    large, small = disc(*SIZE, 32, 24, 16) > 0, disc(*SIZE, 6, 6, 2) > 0
    content = {
        "images": [
            {"id": number, "file_name": f"{number}.jpg", "height": 48, "width": 64, "split": split}
            for number, split in enumerate(["dev", "train"])
        ],
        "annotations": [
            one(1, 0, large), one(2, 0, small), one(3, 0, large, crowd=1), one(4, 1, large),
        ],
        "categories": [{"id": 1, "name": "thing"}],
    }  # fmt: skip
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return images, path


def test_every_annotated_thing(coffee: Photo, tmp_path: Path) -> None:
    images, path = coco_of(tmp_path, coffee)
    named = {one.name for one in things_of(images, path, 0, None).all}
    assert named == {"0/1", "0/2", "1/4"}
    (target,) = things_of(images, path, 0.01, "dev").all
    np.testing.assert_array_equal(target.truth, disc(*SIZE, 32, 24, 16) > 0)
    with pytest.raises(DataError, match=r"no thing in its 1 photos of split dev covers 90"):
        things_of(images, path, 0.9, "dev")


def test_plain_grabcut_cuts_a_plain_disc() -> None:
    truth = disc(*SIZE, 32, 24, 15) > 0
    noise = np.random.default_rng(0).integers(-10, 11, (*SIZE, 3))
    photo = np.clip(np.where(truth[..., None], (200, 50, 40), (40, 150, 50)) + noise, 0, 255)
    seen = PlainGrabCut().open(photo.astype(np.uint8), None)
    keep, drop = np.zeros((2, *SIZE), dtype=np.bool_)
    keep[24, 32] = drop[4, 4] = True
    mask = seen.segment(keep, drop, None)
    assert iou(mask >= 0.5, truth) > 0.95
    np.testing.assert_array_equal(mask, seen.segment(keep, drop, None))
