"""Subject IoU, with an engine that finds what the test says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coco_files import disc, write_dataset
from fixed_networks import FixedDetector, FixedEye

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import DatasetDict, read_coco
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import FloatArray
from vx_detectron.training.validation import judge, measure, prediction_grid

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
TRUTH = disc(60, 80, 40, 30, 20)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[DatasetDict]:
    folder = tmp_path_factory.mktemp("validation") / "data"
    path = write_dataset(folder, [[(1000, TRUTH)]] * 3, {1000: "subject"}, "subject")
    (folder / "images" / "3.png").write_bytes(b"no photo")
    return read_coco(path, folder / "images").records


def figures(
    records: list[DatasetDict], boxes: list[list[float]], saliency: FloatArray | None = None
) -> dict[str, float]:
    cfg = load_cfg(None, ["VX.SUBJECT.MIN_SCORE", "0", "VX.SUBJECT.SALIENT_REGIONS", "False"])
    eye = None if saliency is None else FixedEye(saliency)
    return measure(judge(Isolator(cfg, FixedDetector(boxes), eye), records), {})


def test_the_chosen_instances_and_the_map_alone_are_both_measured(
    records: list[DatasetDict], caplog: pytest.LogCaptureFixture
) -> None:
    half = np.zeros((60, 80), np.float32)
    half[:, :40] = TRUTH[:, :40]
    found = figures(records, [[20, 10, 60, 50]], half)
    square = 40 * 40
    assert found["subject_iou"] == pytest.approx(np.count_nonzero(TRUTH) / square, abs=0.02)
    assert found["saliency_iou"] == pytest.approx(half.sum() / TRUTH.sum(), abs=1e-6)
    assert "left out of validation" in caplog.text and "3.png" in caplog.text


def test_nothing_found_counts_nothing_and_no_map_has_no_figure(records: list[DatasetDict]) -> None:
    assert figures(records[:2], []) == {"subject_iou": 0.0}
    assert figures([], []) == {}


def test_the_picture_shows_photo_truth_map_and_choice_in_a_row(records: list[DatasetDict]) -> None:
    cfg = load_cfg(None, ["VX.SUBJECT.MIN_SCORE", "0"])
    isolator = Isolator(cfg, FixedDetector([]), FixedEye(TRUTH.astype(np.float32)))
    grid = prediction_grid(list(judge(isolator, records[:2])))
    assert grid.shape == (2 * 192, 4 * 192, 3)
    centre, corner = grid[96, 96::192], grid[40, 10::192]
    assert centre.tolist() == [[220, 60, 40], [255] * 3, [255] * 3, [255] * 3]
    assert corner.tolist() == [[40, 90, 160], [0] * 3, [0] * 3, [0] * 3]


def test_the_detector_is_judged_by_coco(tmp_path: Path) -> None:
    path = write_dataset(tmp_path / "data", [[(5, TRUTH)]] * 2, {5: "person", 6: "cat"}, "instance")
    photos = read_coco(path, tmp_path / "data" / "images").records
    cfg = load_cfg(None, ["VX.SUBJECT.MIN_SCORE", "0"])
    whole = FixedDetector([[20, 10, 61, 51]])  # a square around the disc: IoU 0.748
    found = measure(judge(Isolator(cfg, whole, None), photos), {"person": 5, "cat": 6})
    assert found["bbox_AP"] == pytest.approx(1.0)
    assert found["segm_AP"] == pytest.approx(0.5)  # right at 0.5 to 0.7 of COCO's 10 thresholds
    assert found["segm_AP/person"] == found["segm_AP"] and "segm_AP/cat" not in found
    nothing = measure(judge(Isolator(cfg, FixedDetector([]), None), photos), {"person": 5})
    assert nothing["segm_AP"] == nothing["bbox_AP"] == nothing["subject_iou"] == 0
