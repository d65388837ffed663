"""Broken records are told from good ones, and named with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import write_disc_dataset, write_shapes_dataset
from PIL import Image

from vx_detectron.config import load_cfg
from vx_detectron.data.checks import check_records, expect_enough
from vx_detectron.data.coco import Loaded, Problem, read_coco
from vx_detectron.data.sources import load_records, read_records
from vx_detectron.errors import DataError
from vx_detectron.rle import encode_mask

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")


@pytest.fixture
def discs(tmp_path: Path) -> Loaded:
    """Six photos of 64 x 48."""
    return read_coco(write_disc_dataset(tmp_path, 6), tmp_path / "images")


def check(loaded: Loaded, **options: Any) -> tuple[list[int], dict[str, str]]:
    """The ids of the good records, and the reasons by file name."""
    good, problems = check_records(loaded.records, loaded.categories, **options)
    return [r["image_id"] for r in good], {Path(p.file_name).name: p.reason for p in problems}


def test_good_records_pass_as_they_are(discs: Loaded) -> None:
    good, problems = check_records(discs.records, discs.categories, decode=True)
    assert good == discs.records and problems == []


def test_files_that_are_missing_no_photos_or_of_another_size(discs: Loaded) -> None:
    paths = [Path(record["file_name"]) for record in discs.records]
    paths[0].unlink()
    paths[1].write_text("not a photo")
    Image.new("RGB", (32, 24)).save(paths[2])
    exif = Image.Exif()
    exif[274] = 6  # a quarter turn: upright it is 48 wide
    Image.new("RGB", (64, 48)).save(paths[3], "JPEG", exif=exif)
    good, reasons = check(discs)
    assert good == [5, 6]
    assert reasons["1.png"] == "cannot be read: No such file or directory"
    assert "is not a photo of a known format" in reasons["2.png"]
    assert reasons["3.png"] == "the photo is 32 x 24 pixels, its annotations are for 64 x 48"
    assert "48 x 64" in reasons["4.png"] and "EXIF" in reasons["4.png"]


def test_a_file_that_is_cut_off_is_found_by_decoding(discs: Loaded) -> None:
    path = Path(discs.records[0]["file_name"])
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    assert check(discs) == ([1, 2, 3, 4, 5, 6], {})
    good, reasons = check(discs, decode=True)
    assert good == [2, 3, 4, 5, 6] and "damaged" in reasons["1.png"]


def test_photos_over_the_limit_are_not_decoded(discs: Loaded) -> None:
    good, reasons = check(discs, decode=True, max_pixels=3071)
    assert good == [] and "expected at most 3,071" in reasons["1.png"]


def test_ids_and_files_that_are_there_twice(discs: Loaded) -> None:
    discs.records[1]["image_id"] = 1
    discs.records[4]["file_name"] = discs.records[3]["file_name"]
    good, problems = check_records(discs.records, discs.categories)
    assert [record["image_id"] for record in good] == [3, 4, 6]
    assert [problem.reason for problem in problems] == [
        "2 photos have its id 1",
        "2 photos have its id 1",
        "it is already listed under another id",
    ]


def test_empty_masks_and_unknown_categories(discs: Loaded) -> None:
    empty = encode_mask(np.zeros((48, 64), dtype=np.uint8))
    discs.records[0]["annotations"][0] |= {"segmentation": empty, "area": 0.0}
    discs.records[1]["annotations"][0]["category_id"] = 7
    good, reasons = check(discs)
    assert good == [3, 4, 5, 6]
    assert reasons["1.png"] == "annotation 1: its mask is empty"
    assert reasons["2.png"] == "annotation 2: its category 7 is not listed"


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [(0, 0, "no photos at all"), (0, 1, "only 0 of 1"), (9, 10, "9 of 19")],
)
def test_too_little_left_is_an_error(good: int, bad: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        expect_enough(good, [Problem("a.jpg", "is gone")] * bad)


def test_half_is_enough() -> None:
    expect_enough(10, [Problem("a.jpg", "is gone")] * 10)


def cfg_of(folder: Path, *options: str) -> Any:
    source = "VX.DATA.JSON", str(folder / "instances.json")
    return load_cfg(None, [*source, "VX.DATA.IMAGE_ROOT", str(folder / "images"), *options])


def test_a_training_goes_on_with_the_rest_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_disc_dataset(tmp_path, 4)
    (tmp_path / "images" / "2.png").unlink()
    loaded = load_records(cfg_of(tmp_path))
    assert [record["image_id"] for record in loaded.records] == [1, 3, 4]
    assert "2.png: cannot be read" in caplog.text
    for name in (1, 3):
        (tmp_path / "images" / f"{name}.png").unlink()
    with pytest.raises(DataError, match="only 1 of 4 photos"):
        load_records(cfg_of(tmp_path))
    assert len(read_records(cfg_of(tmp_path)).problems) == 3


def test_the_configuration_decides_whether_photos_are_decoded(tmp_path: Path) -> None:
    write_disc_dataset(tmp_path, 4)
    path = tmp_path / "images" / "2.png"
    path.write_bytes(path.read_bytes()[:-40])
    assert len(read_records(cfg_of(tmp_path)).records) == 4
    assert len(read_records(cfg_of(tmp_path, "VX.DATA.DECODE", "True")).records) == 3


def test_one_source_is_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got none of them"):
        load_records(load_cfg())
    with pytest.raises(DataError, match="got more than one of them"):
        load_records(cfg_of(tmp_path, "VX.DATA.MASK_ROOT", "masks"))


def test_a_second_file_holds_out_its_photos(tmp_path: Path) -> None:
    train = write_shapes_dataset(tmp_path / "train", 3)
    val = write_shapes_dataset(tmp_path / "val", 2)
    text = val.read_text().replace('"id": 3, "name": "disc"', '"id": 30, "name": "disc"')
    val.write_text(text.replace('"category_id": 3', '"category_id": 30'))
    data = {"JSON": train, "IMAGE_ROOT": train.parent / "images",
            "VALIDATION_JSON": val, "VALIDATION_ROOT": val.parent / "images"}  # fmt: skip
    keys = [text for key, value in data.items() for text in (f"VX.DATA.{key}", str(value))]
    loaded = load_records(load_cfg(None, keys))
    held_out = [record for record in loaded.records if record["split"] == "val"]
    assert {Path(record["file_name"]).parts[-3] for record in held_out} == {"val"}
    assert len(loaded.records) == 5 and len({r["image_id"] for r in loaded.records}) == 5
    categories = {one["category_id"] for record in held_out for one in record["annotations"]}
    assert categories == {3, 7} and loaded.categories.class_names == ("disc", "square")


def test_a_second_file_with_other_classes_is_refused(tmp_path: Path) -> None:
    train = write_shapes_dataset(tmp_path / "train", 3)
    val = write_shapes_dataset(tmp_path / "val", 1)
    val.write_text(val.read_text().replace('"square"', '"cube"'))
    keys = ["VX.DATA.VALIDATION_JSON", str(val), "VX.DATA.JSON", str(train),
            "VX.DATA.IMAGE_ROOT", str(train.parent / "images")]  # fmt: skip
    with pytest.raises(DataError, match=r"has the classes cube, which VX\.DATA\.JSON does not"):
        load_records(load_cfg(None, keys))
