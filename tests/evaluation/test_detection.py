"""Average precision against pycocotools' own way, and where classes are not annotated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import disc
from PIL import Image
from pycocotools import mask as rle_tools
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vx_detectron.errors import DataError
from vx_detectron.evaluation.detection import STATS, evaluate_detection, read_detection_data
from vx_detectron.structures import ByteArray, Instances

# pycocotools 2 hands NumPy 2 an array-like of the old kind.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HEIGHT, WIDTH = 120, 160
CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 9, "name": "unicorn"}]


class Recalled:
    """An engine that says of each photo, known by its grey level, what it was told to."""

    name, device, weights, weights_sha256 = "torchvision", "cpu", "none", ""
    class_names = ("dog", "cat", "car")  # in another order, and with one that nobody annotated

    def __init__(self, instances: list[Instances]) -> None:
        self.instances = instances

    def predict(self, image: ByteArray) -> Instances:
        return self.instances[int(image[0, 0, 0])]


def found(*things: tuple[str, float, tuple[float, float, float, float]]) -> Instances:
    """Full boxes by class, score and x0, y0, x1, y1; the best score first."""
    return Instances(
        image_size=(HEIGHT, WIDTH),
        boxes=np.array([box for _, _, box in things], dtype=np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in things], dtype=np.float32),
        classes=np.array([Recalled.class_names.index(n) for n, _, _ in things], dtype=np.int64),
        mask_grids=np.ones((len(things), 28, 28), dtype=np.float32),
        class_names=Recalled.class_names,
    )


def annotation(category: int, mask: np.ndarray) -> dict[str, Any]:
    rle = rle_tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    rle["counts"] = rle["counts"].decode()
    return {
        "category_id": category,
        "iscrowd": 0,
        "area": int(mask.sum()),
        "bbox": rle_tools.toBbox(rle).tolist(),
        "segmentation": rle,
    }


def box(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def write(folder: Path, photos: list[list[dict[str, Any]]], **extra: Any) -> tuple[Path, Path]:
    """A COCO json and its photos, each of one grey level; ``extra`` goes to the last photo."""
    images, annotations = [], []
    (folder / "images").mkdir()
    for number, things in enumerate(photos):
        Image.new("RGB", (WIDTH, HEIGHT), (number,) * 3).save(folder / "images" / f"{number}.png")
        images.append(
            {"id": number + 1, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT}
        )
        for thing in things:
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, **thing})
    images[-1] |= extra
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    (folder / "truth.json").write_text(json.dumps(content))
    return folder / "truth.json", folder / "images"


def random_boxes(random: np.random.Generator, count: int) -> Iterator[tuple[int, int, int, int]]:
    for _ in range(count):
        x, y = random.integers(0, WIDTH - 40), random.integers(0, HEIGHT - 40)
        yield int(x), int(y), int(x + random.integers(8, 40)), int(y + random.integers(8, 40))


def test_figures_are_those_of_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    random = np.random.default_rng(6)
    photos, answers, detections = [], [], []
    for number in range(6):
        truths = [(int(random.choice([3, 7])), one) for one in random_boxes(random, 4)]
        photos.append([annotation(category, box(*one)) for category, one in truths])
        things = [
            ("cat" if category == 3 else "dog", tuple(np.array(one) + random.integers(-6, 7, 4)))
            for category, one in truths
        ]
        things += [("dog", one) for one in random_boxes(random, 2)]
        scores = np.sort(random.random(len(things)).astype(np.float32))[::-1]
        clipped = [(name, np.clip(one, 0, [WIDTH, HEIGHT] * 2)) for name, one in things]
        answers.append(
            found(*((n, float(s), tuple(b)) for (n, b), s in zip(clipped, scores, strict=True)))
        )
        for index, (name, (x0, y0, x1, y1)) in enumerate(clipped):
            code = rle_tools.encode(
                np.asfortranarray(answers[-1].soft_mask(index) >= 0.5, dtype=np.uint8)
            )
            code["counts"] = code["counts"].decode()
            detections.append(
                {
                    "image_id": number + 1,
                    "category_id": 3 if name == "cat" else 7,
                    "score": float(scores[index]),
                    "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
                    "segmentation": code,
                }
            )
    truth, images = write(tmp_path, photos)
    results = evaluate_detection(Recalled(answers), read_detection_data(truth, images))
    summary = results["summary"]
    assert capsys.readouterr().out == ""  # pycocotools prints, and results go to stdout
    for kind in ("bbox", "segm"):
        plain = [
            {key: value for key, value in one.items() if kind == "segm" or key != "segmentation"}
            for one in detections
        ]
        if kind == "segm":
            for one in plain:
                del one["bbox"]
        (tmp_path / "found.json").write_text(json.dumps(plain))
        reference = COCO(str(truth))
        judge = COCOeval(reference, reference.loadRes(str(tmp_path / "found.json")), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
        ours = [-1 if summary[kind][name] is None else summary[kind][name] for name in STATS]
        np.testing.assert_allclose(ours, judge.stats, atol=1e-12)
        assert 0.05 < summary[kind]["AP"] < 0.95
        for category, name in ((3, "cat"), (7, "dog")):
            judge.params.catIds = [category]
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
            assert results["classes"][kind][name] == pytest.approx(judge.stats[0])


def test_a_class_that_is_not_annotated_in_a_photo_is_no_error_there(tmp_path: Path) -> None:
    cat, dog = (10, 10, 60, 60), (80, 30, 140, 90)
    photos = [[annotation(3, box(*cat)), annotation(7, box(*dog))], [annotation(3, box(*cat))]]
    engine = Recalled(
        [found(("cat", 0.9, cat), ("dog", 0.8, dog)), found(("dog", 0.95, dog), ("cat", 0.9, cat))]
    )
    truth, images = write(tmp_path, photos, annotated_categories=[3])
    results = evaluate_detection(engine, read_detection_data(truth, images))
    assert results["summary"]["segm"]["AP"] == pytest.approx(1)
    (tmp_path / "full").mkdir()
    truth, images = write(tmp_path / "full", photos)  # now the second dog is a mistake
    results = evaluate_detection(engine, read_detection_data(truth, images))
    assert results["summary"]["segm"]["AP"] < 0.8


def test_nothing_found_has_an_average_precision_of_zero(tmp_path: Path) -> None:
    truth, images = write(tmp_path, [[annotation(3, box(10, 10, 60, 60))]])
    summary = evaluate_detection(Recalled([found()]), read_detection_data(truth, images))["summary"]
    assert summary["bbox"]["AP"] == 0 and summary["segm"]["AP"] == 0
    assert summary["bbox"]["AP_small"] is None  # nothing small is annotated


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    round_ = disc(HEIGHT, WIDTH, 50, 50, 30) > 0
    photos = [[annotation(3, round_)], [annotation(9, round_)], [annotation(1000, round_)]]
    truth, images = write(tmp_path, photos, mask_kind="subject")
    content = json.loads(truth.read_text())
    content["images"][1]["annotated_categories"] = [9]
    truth.write_text(json.dumps(content))
    results = evaluate_detection(
        Recalled([found(("cat", 0.9, (20, 20, 80, 80)))]), read_detection_data(truth, images)
    )
    assert results["data"]["photos"] == 1
    assert sorted(results["data"]["notes"].values()) == [1, 1]
    assert results["data"]["unknown_categories"] == ["unicorn"]


def test_a_photo_of_another_size_is_named(tmp_path: Path) -> None:
    things = [annotation(3, box(10, 10, 60, 60))]
    truth, images = write(tmp_path, [things, things])
    Image.new("RGB", (30, 40)).save(images / "0.png")
    results = evaluate_detection(
        Recalled([found(), found(("cat", 0.9, (10, 10, 60, 60)))]),
        read_detection_data(truth, images),
    )
    (problem,) = results["problems"]
    assert problem["name"].endswith("0.png") and "is 30 x 40 pixels" in problem["reason"]
    assert results["summary"]["bbox"]["AP"] == pytest.approx(1)


def test_no_class_in_common_is_an_error(tmp_path: Path) -> None:
    truth, images = write(tmp_path, [[annotation(9, box(10, 10, 60, 60))]])
    truth.write_text(json.dumps({**json.loads(truth.read_text()), "categories": CATEGORIES[2:]}))
    with pytest.raises(DataError, match="the network knows 0"):
        evaluate_detection(Recalled([found()]), read_detection_data(truth, images))
