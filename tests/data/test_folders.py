"""Folders of photos and masks, against masks written out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vx_detectron.data.coco import Loaded
from vx_detectron.data.folders import read_folders
from vx_detectron.data.segmentation import decode_mask
from vx_detectron.data.subjects import has_subject, subject_mask
from vx_detectron.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

# Two pieces of class 1 and one of class 3.
LABELS = np.array(
    [
        [1, 1, 0, 0, 3, 3],
        [1, 0, 0, 0, 3, 3],
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
    ],
    dtype=np.uint8,
)


def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("photos", "masks"):
        (tmp_path / name / "birds").mkdir(parents=True)
    return tmp_path / "photos", tmp_path / "masks"


def write(path: Path, pixels: np.ndarray, palette: list[int] | None = None) -> None:
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette)
    image.save(path)


def read_one(tmp_path: Path, mask: np.ndarray | Image.Image, kind: str, *names: str) -> Loaded:
    """One photo with that mask."""
    photos, masks = folders(tmp_path)
    write(photos / "birds" / "1.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
    image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
    image.save(masks / "birds" / "1.png")
    return read_folders(photos, masks, kind, names)


@pytest.mark.parametrize(
    "mask",
    [
        (LABELS > 0) * np.uint8(255),
        (LABELS > 0) * np.uint8(1),
        np.where(LABELS > 0, 140, 110).astype(np.uint8),  # soft, cut at one half
        np.repeat((LABELS > 0)[..., None] * np.uint8(255), 3, axis=2),
        Image.fromarray(LABELS > 0),
        (LABELS > 0) * np.uint16(65535),
    ],
)
def test_black_white_and_grey_are_one_subject(
    tmp_path: Path, mask: np.ndarray | Image.Image
) -> None:
    loaded = read_one(tmp_path, mask, "subject")
    assert loaded.problems == []
    (record,) = loaded.records
    assert (record["height"], record["width"], record["source"]) == (4, 6, "birds")
    assert Path(record["file_name"]) == tmp_path / "photos" / "birds" / "1.jpg"
    assert has_subject(record)
    assert np.array_equal(subject_mask(record), LABELS > 0)
    assert loaded.categories.class_names == () and not loaded.categories.complete(record)


def test_connected_pieces_are_instances_of_one_class(tmp_path: Path) -> None:
    loaded = read_one(tmp_path, (LABELS > 0) * np.uint8(255), "instances", "bird")
    (record,) = loaded.records
    assert loaded.categories.class_names == ("bird",)
    assert loaded.categories.complete(record)
    assert [(one["category_id"], one["area"], one["bbox"]) for one in record["annotations"]] == [
        (1, 3, [0, 0, 2, 2]),
        (1, 4, [4, 0, 2, 2]),
        (1, 2, [1, 3, 2, 1]),
    ]


@pytest.mark.parametrize("indexed", [False, True])
def test_class_numbers_are_classes_and_255_is_nothing(tmp_path: Path, indexed: bool) -> None:
    labels = LABELS.copy()
    labels[2] = 255
    mask = Image.fromarray(labels)
    if indexed:
        mask.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    loaded = read_one(tmp_path, mask, "classes", "cat", "dog", "owl")
    (record,) = loaded.records
    assert loaded.categories.class_names == ("cat", "dog", "owl")
    assert [one["category_id"] for one in record["annotations"]] == [1, 1, 3]
    masks = [decode_mask(one["segmentation"], 4, 6) for one in record["annotations"]]
    assert np.array_equal(masks[0] + masks[1], LABELS == 1)
    assert np.array_equal(masks[2], LABELS == 3)


def test_masks_that_are_none_are_problems(tmp_path: Path) -> None:
    coloured = np.zeros((4, 6, 3), dtype=np.uint8)
    coloured[1, 1] = 255, 0, 0
    see_through = np.zeros((4, 6, 4), dtype=np.uint8)
    for number, (mask, kind, words) in enumerate(
        [
            (coloured, "subject", "it is coloured"),
            (see_through, "subject", "it is transparent everywhere"),
            (coloured, "classes", "of mode RGB, expected one channel"),
            (LABELS, "classes", "the class number 3; expected 0 to 2"),
        ]
    ):
        loaded = read_one(tmp_path / str(number), mask, kind, *("cat", "dog") * (number > 1))
        assert loaded.records == []
        (problem,) = loaded.problems
        assert problem.file_name.endswith("1.jpg") and words in problem.reason


def test_what_has_no_partner_or_two_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    photos, masks = folders(tmp_path)
    picture = np.full((4, 6), 255, dtype=np.uint8)
    for name in ("1.jpg", "2.jpg", "3.jpg", "3.png", "birds/4.jpg"):
        write(photos / name, picture)
    for name in ("1.png", "3.png", "4.png", ".hidden.png"):
        write(masks / name, picture)
    (masks / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    loaded = read_folders(photos, masks, "subject")
    assert [Path(record["file_name"]).name for record in loaded.records] == ["1.jpg"]
    found = {str(Path(p.file_name).relative_to(tmp_path)): p.reason for p in loaded.problems}
    assert set(found) == {
        "photos/2.jpg", "photos/3.jpg", "photos/3.png", "photos/birds/4.jpg", "masks/4.png"
    }  # fmt: skip
    assert "masks/2.png" in found["photos/2.jpg"] and "damaged" in found["photos/2.jpg"]
    assert "differ only in their suffix" in found["photos/3.png"]
    assert "expected birds/4.* below" in found["photos/birds/4.jpg"]
    assert "expected 4.* below" in found["masks/4.png"]


def test_an_id_stays_when_photos_are_added(tmp_path: Path) -> None:
    photos, masks = folders(tmp_path)

    def number_of(name: str) -> int:
        records = read_folders(photos, masks, "subject").records
        return {Path(r["file_name"]).stem: r["image_id"] for r in records}[name]

    for name in ("m", "a"):
        write(photos / f"{name}.png", LABELS * 85)
        write(masks / f"{name}.png", LABELS * 85)
        if name == "m":
            before = number_of("m")
    assert number_of("m") == before != number_of("a")


def test_a_missing_folder_and_names_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    photos, masks = folders(tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        read_folders(photos, tmp_path / "nothing", "subject")
    with pytest.raises(DataError, match="have one class, got 2"):
        read_folders(photos, masks, "instances", ("cat", "dog"))
    with pytest.raises(DataError, match="need the names"):
        read_folders(photos, masks, "classes")


@pytest.mark.parametrize(
    "names", [("1_mask",), ("1-Mask",), ("1_seg_0",), ("1/0",), ("1_0", "1_1"), ("1_mask2", "1_gt")]
)
def test_masks_are_found_by_what_people_call_them(tmp_path: Path, names: tuple[str, ...]) -> None:
    photos, masks = folders(tmp_path)
    write(photos / "birds" / "1.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
    for number, name in enumerate(names):
        path = masks / "birds" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        write(path, ((1 if number == 0 else 3) == LABELS) * np.uint8(255))
    loaded = read_folders(photos, masks, "subject")
    assert loaded.problems == []
    wanted = (LABELS == 1) | (LABELS == 3) if len(names) > 1 else LABELS == 1
    assert np.array_equal(subject_mask(loaded.records[0]), wanted)


def test_of_several_masks_each_is_an_instance(tmp_path: Path) -> None:
    photos, masks = folders(tmp_path)
    write(photos / "1.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
    for value in (1, 3):  # of the first there are two pieces
        write(masks / f"1_{value}.png", (value == LABELS) * np.uint8(255))
    (record,) = read_folders(photos, masks, "instances").records
    assert [one["area"] for one in record["annotations"]] == [5, 4]


def test_a_name_of_its_own_comes_before_a_number_behind(tmp_path: Path) -> None:
    photos, masks = folders(tmp_path)
    for name in ("img", "img_1"):
        write(photos / f"{name}.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
        write(masks / f"{name}.png", (LABELS > 0) * np.uint8(255))
    loaded = read_folders(photos, masks, "subject")
    assert loaded.problems == [] and [len(r["annotations"]) for r in loaded.records] == [1, 1]


def test_masks_may_lie_beside_their_photos(tmp_path: Path) -> None:
    photos, _ = folders(tmp_path)
    for name in ("cat", "cat_2"):
        write(photos / f"{name}.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
        write(photos / f"{name}_mask.png", (LABELS > 0) * np.uint8(255))
    loaded = read_folders(photos, photos, "subject")
    assert loaded.problems == []
    assert sorted(Path(r["file_name"]).name for r in loaded.records) == ["cat.jpg", "cat_2.jpg"]


@pytest.mark.parametrize("own", [False, True])
def test_transparency_is_a_mask(tmp_path: Path, own: bool) -> None:
    photos, masks = folders(tmp_path)
    cut = np.full((4, 6, 4), 70, dtype=np.uint8)
    cut[..., 3] = (LABELS > 0) * 255
    write(masks / "1.png", cut)
    write(photos / "1.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
    for kind in ("alpha",) if own else ("alpha", "subject"):
        loaded = read_folders(masks if own else photos, masks, kind)
        assert loaded.problems == []
        assert np.array_equal(subject_mask(loaded.records[0]), LABELS > 0)
    write(masks / "1.png", cut[..., :3])
    (problem,) = read_folders(photos, masks, "alpha").problems
    assert "it is opaque everywhere" in problem.reason


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_numbers_of_instances(tmp_path: Path, dtype: type) -> None:
    loaded = read_one(tmp_path, LABELS.astype(dtype), "ids", "bird")
    (record,) = loaded.records
    assert [(one["category_id"], one["area"]) for one in record["annotations"]] == [(1, 5), (1, 4)]


@pytest.mark.parametrize("kind", ["subject", "instances"])
@pytest.mark.parametrize("mask", [LABELS, LABELS.astype(np.uint16), LABELS * np.uint8(40)])
def test_numbers_read_as_black_and_white_are_refused_with_what_fits(
    tmp_path: Path, mask: np.ndarray, kind: str
) -> None:
    loaded = read_one(tmp_path, mask, kind)
    (problem,) = loaded.problems
    assert loaded.records == []
    assert f"its brightest value is {mask.max()}" in problem.reason
    assert "VX.DATA.MASKS ids (of instances) or classes fits" in problem.reason


def test_grey_areas_are_told_and_soft_edges_are_not(tmp_path: Path) -> None:
    photos, masks = folders(tmp_path)
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[5:20, 5:20], mask[5:20, 30:50] = 60, 200
    write(photos / "1.jpg", mask)
    write(masks / "1.png", mask)
    (note,) = read_folders(photos, masks, "subject").notes
    assert "grey values fill areas" in note and "(60)" in note
    mask[5:20, 5:20] = 0
    mask[4], mask[20] = mask[5] // 4, mask[5] // 2
    write(masks / "1.png", mask)
    assert read_folders(photos, masks, "subject").notes == []


@pytest.mark.parametrize("white", [np.uint8(255), np.uint16(65535)])
def test_white_masks_read_as_classes_are_refused_with_what_fits(
    tmp_path: Path, white: np.integer
) -> None:
    words = f"only value above 0 is {white}.*subject or instances fits"
    with pytest.raises(DataError, match=words):
        read_one(tmp_path, (LABELS > 0) * white, "classes", "cat")


@pytest.mark.parametrize("white", [np.uint8(255), np.uint16(65535)])
def test_white_masks_read_as_ids_are_told_with_what_fits(tmp_path: Path, white: np.integer) -> None:
    (note,) = read_one(tmp_path, (LABELS > 0) * white, "ids", "cat").notes
    assert "black-and-white masks read as ids; use VX.DATA.MASKS instances" in note


def test_a_number_of_no_class_is_refused_with_what_fits(tmp_path: Path) -> None:
    (problem,) = read_one(tmp_path, LABELS, "classes", "cat").problems
    assert "class number 3; expected 0 to 1" in problem.reason
    assert "VX.DATA.MASKS ids fits" in problem.reason
