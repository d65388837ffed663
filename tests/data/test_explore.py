"""The figures of a data set, against counts by hand; its page; and the tool as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import disc, write_disc_dataset
from PIL import Image

from vx_detectron.data.categories import Categories
from vx_detectron.data.coco import DatasetDict, Loaded, Problem, read_coco
from vx_detectron.data.explore.pictures import draw, sample_records
from vx_detectron.data.explore.report import write_report
from vx_detectron.data.explore.statistics import statistics
from vx_detectron.data.subjects import subject_mask
from vx_detectron.rle import encode_mask, mask_area, mask_box

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
TOOL = Path(__file__).parents[2] / "tools" / "explore_data.py"


def annotation(category: int, mask: np.ndarray, iscrowd: int = 0) -> dict[str, Any]:
    rle = encode_mask(mask)
    return {"category_id": category, "segmentation": rle, "area": float(mask_area(rle)),
            "bbox": mask_box(rle), "iscrowd": iscrowd}  # fmt: skip


def record(number: int, *annotations: dict[str, Any], **extra: Any) -> DatasetDict:
    """A photo 100 wide and 50 high."""
    return {"image_id": number, "file_name": f"photos/{number}.png", "height": 50, "width": 100,
            "annotations": list(annotations), **extra}  # fmt: skip


LEFT_HALF = np.zeros((50, 100), dtype=np.uint8)
LEFT_HALF[:, :50] = 1
SMALL = disc(50, 100, 80, 25, 8)
PHOTOS = [
    record(1, annotation(17, LEFT_HALF), source="a"),
    record(2, annotation(17, SMALL), annotation(17, SMALL), source="a", split="dev"),
    record(3, annotation(1000, SMALL), mask_kind="subject", source="b"),
    record(4, annotation(18, LEFT_HALF, iscrowd=1), source="b"),
]
DATA = Loaded(PHOTOS, Categories({17: "cat", 18: "dog", 19: "owl"}), [Problem("x.jpg", "is gone")])


def test_the_counts_are_those_of_the_records() -> None:
    figures = statistics(DATA)
    assert (figures["photos"], figures["left_out"]) == (4, 1)
    assert (figures["annotations"], figures["crowds"]) == (5, 1)
    assert figures["complete_photos"] == 3
    assert figures["sources"] == {"a": {"dev": 1, "train": 1}, "b": {"train": 2}}
    assert figures["classes"]["instances"] == {
        "cat": 3, "dog": 1, "(subject, no class)": 1, "owl": 0
    }  # fmt: skip
    assert figures["classes"]["photos"]["cat"] == 2
    charts = figures["charts"]
    assert charts["photos"]["annotations a photo"] == {
        "0": 0, "1": 3, "2": 1, "3": 0, "4 to 5": 0, "6 to 10": 0, "11 to 20": 0, "21 or more": 0
    }  # fmt: skip
    assert charts["photos"]["width / height"]["2 or more"] == 4
    assert charts["instances"]["area as COCO counts it"] == {"small": 3, "medium": 2, "large": 0}
    assert charts["instances"]["share of the photo, percent"]["50 or more"] == 2
    assert charts["instances"]["sides of the photo it touches"] == {
        "0": 3, "1": 0, "2": 0, "3": 2, "4": 0
    }  # fmt: skip
    assert charts["subjects"]["subject"] == {
        "found": 2, "the largest is small": 1, "the largest is a crowd": 1
    }  # fmt: skip
    assert figures["problems"] == [{"file_name": "x.jpg", "reason": "is gone"}]


def test_a_data_set_of_nothing_has_figures_too() -> None:
    figures = statistics(Loaded([], Categories({}), []))
    assert figures["photos"] == 0 and figures["sources"] == {}


def test_the_sample_takes_every_source_and_does_not_change() -> None:
    records = [record(n, source="few" if n < 2 else "many") for n in range(50)]
    sample = sample_records(records, 6)
    assert sum(one["source"] == "few" for one in sample) == 2
    assert sample_records(records[::-1], 6) == sample
    assert len(sample_records(records, 100)) == 50


def test_masks_and_the_subject_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    Image.new("RGB", (100, 50), (200, 200, 200)).save(path)
    drawn = decoded(draw({**PHOTOS[0], "file_name": str(path)}))
    assert drawn.shape == (50, 200, 3)
    inside, outside, subject, rest = drawn[10:40, 10:40], drawn[10:40, 60:90], drawn[
        10:40, 110:140
    ], drawn[10:40, 160:190]  # fmt: skip
    assert np.ptp(inside.mean(axis=(0, 1))) > 60  # coloured
    assert abs(outside.astype(int) - 200).max() < 10
    assert abs(subject.astype(int) - 200).max() < 10
    assert rest.max() < 45
    alone = decoded(draw({**PHOTOS[1], "file_name": str(path)}))
    assert alone.shape == (50, 100, 3)


def decoded(uri: str) -> np.ndarray:
    import base64
    import io

    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [v or "" for k, v in attributes if k in ("src", "href", "onerror")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    attack = "<img src=x onerror=alert(1)>\"'\udc80\u202e.png"
    path = tmp_path / attack.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    Image.new("RGB", (100, 50)).save(path, "PNG")
    photo = {**PHOTOS[0], "file_name": str(path), "source": attack, "split": attack}
    data = Loaded([photo], Categories({17: attack}), [Problem(attack, attack)])
    write_report(data, tmp_path / "report", attack, photos=4)
    text = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    seen = Page(text)
    assert seen.tags.count("img") == 1
    assert all(source.startswith("data:image/jpeg") for source in seen.sources)
    assert "script" not in seen.tags and "\u202e" not in text
    assert "<img src=x onerror=alert(1)>" in seen.words
    assert json.loads((tmp_path / "report" / "stats.json").read_text())["photos"] == 1


def test_a_photo_that_cannot_be_drawn_is_a_problem(tmp_path: Path) -> None:
    data = Loaded(PHOTOS[:1], Categories({17: "cat"}), [])
    left = write_report(data, tmp_path, "A page", photos=2)
    assert left.records == []
    assert left.problems == [Problem("photos/1.png", "cannot be read: No such file or directory")]
    assert "photos/1.png" in (tmp_path / "index.html").read_text(encoding="utf-8")


def explore(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_the_tool_names_every_broken_file_of_a_data_set(tmp_path: Path) -> None:
    """Five of a hundred photos are broken, each in its own way."""
    source = write_disc_dataset(tmp_path, 100)
    content = json.loads(source.read_text())
    images = tmp_path / "images"
    (images / "3.png").unlink()
    (images / "20.png").write_bytes((images / "20.png").read_bytes()[:-30])
    (images / "41.png").write_text("not a photo")
    Image.new("RGB", (10, 10)).save(images / "60.png")
    content["annotations"][76]["segmentation"]["counts"] = "zzz"
    source.write_text(json.dumps(content))
    output = tmp_path / "report"
    result = explore("--json", source, "--image-root", images, "--decode", "-o", output)
    assert result.returncode == 4, result.stderr
    assert result.stdout == f"{output / 'index.html'}\n"
    assert "95 photos can be used, 5 problems" in result.stderr
    figures = json.loads((output / "stats.json").read_text())
    broken = {Path(problem["file_name"]).name for problem in figures["problems"]}
    assert broken == {"3.png", "20.png", "41.png", "60.png", "77.png"}
    page = Page((output / "index.html").read_text(encoding="utf-8"))
    assert all(str(images / name) in page.words for name in broken)
    assert all(source.startswith("data:") for source in page.sources)
    assert {path.name for path in output.iterdir()} == {"index.html", "stats.json"}


@pytest.mark.slow
def test_the_tool_reads_folders_and_configurations(tmp_path: Path) -> None:
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
        Image.fromarray(disc(40, 50, 20, 20, 14)).save(tmp_path / name / "1.png")
    folders = ["--image-root", tmp_path / "photos", "--mask-root", tmp_path / "masks"]
    result = explore(*folders, "--masks", "classes", "--class-names", "ball", "-o", tmp_path / "a")
    assert result.returncode == 0, result.stderr
    figures = json.loads((tmp_path / "a" / "stats.json").read_text())
    assert figures["classes"]["instances"] == {"ball": 1, "(subject, no class)": 0}
    keys = ["VX.DATA.IMAGE_ROOT", folders[1], "VX.DATA.MASK_ROOT", folders[3]]
    coco = tmp_path / "c.json"
    options = ["-o", tmp_path / "b", "--coco", coco]
    result = explore("--config-file", "train_vx_eye", *options, *keys)
    assert result.returncode == 0, result.stderr
    (written,) = read_coco(coco, tmp_path).records
    assert np.array_equal(subject_mask(written), disc(40, 50, 20, 20, 14))
    assert (tmp_path / "b" / "index.html").is_file()


@pytest.mark.slow
def test_no_data_is_an_error_in_words(tmp_path: Path) -> None:
    result = explore("-o", tmp_path / "report")
    assert (result.returncode, result.stdout) == (1, "")
    assert "got none of them" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "report").exists()
