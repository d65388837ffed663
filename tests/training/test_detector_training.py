"""A short real training of a small Mask R-CNN on photos of discs and squares."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import disc, write_dataset, write_shapes_dataset
from training_runs import DETECTOR, configured, curve, detector_options

from vx_detectron.config import load_cfg
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import ConfigError, TrainingError
from vx_detectron.training.run import train_network as train

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
LOSSES = ["loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg", "loss_mask"]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes_dataset(tmp_path_factory.mktemp("shapes"), 20)


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(configured(DETECTOR, detector_options(shapes), folder))
    return folder


def test_every_loss_is_there_and_their_sum_falls(trained: Path) -> None:
    total = curve(trained)
    parts = [curve(trained, name) for name in LOSSES]
    for iteration, value in total.items():
        assert sum(part[iteration] for part in parts) == pytest.approx(value, rel=1e-5)
    assert np.mean([total[6], total[7]]) < 0.8 * np.mean([total[0], total[1]])


def test_the_best_weights_are_those_of_the_highest_precision(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    precision = curve(trained, "segm_AP")
    assert list(precision) == [3, 7] and list(curve(trained, "bbox_AP")) == [3, 7]
    assert result["best_by"] == "segm_AP"  # there is no saliency head
    assert result["best_mask_ap"] == max(precision.values())
    assert precision[result["best_iteration"]] == result["best_mask_ap"]


def test_photos_without_a_subject_are_held_out_for_the_detector(tmp_path: Path) -> None:
    """Small things only: none is a subject, but the classes can be judged."""
    photos = [[(3, disc(64, 64, 12 + number, 20, 6))] for number in range(8)]
    path = write_dataset(tmp_path / "data", photos, {3: "disc"}, "instance")
    options = detector_options(path, SOLVER__MAX_ITER=1, VX__DATA__VALIDATION=3)
    result = train(configured(DETECTOR, options, tmp_path / "output"))
    assert (result.train_photos, result.validation_photos, result.subject_photos) == (5, 3, 0)
    assert result.weights.endswith("model_best.pth") and Path(result.weights).is_file()
    assert result.best_mask_ap is not None and result.best_iou is None
    options = [*options, "VX.SOLVER.BEST_BY", "mean"]
    with pytest.raises(ConfigError, match="is 'mean', but the photos held out give segm_AP"):
        train(configured(DETECTOR, options, tmp_path / "other"))


def test_the_classes_are_those_of_the_data_and_the_weights_run(trained: Path) -> None:
    cfg = load_cfg(trained / "config.yaml", ["MODEL.WEIGHTS", str(trained / "model_final.pth")])
    assert cfg.VX.CLASS_NAMES == ["disc", "square"]
    assert cfg.MODEL.ROI_HEADS.NUM_CLASSES == 2
    found = TorchvisionEngine(cfg).predict(np.full((60, 80, 3), 128, np.uint8))
    assert found.class_names == ("disc", "square")


def test_frozen_parts_and_their_statistics_are_untouched(shapes: Path, tmp_path: Path) -> None:
    frozen = ["backbone", "roi_heads.mask_head"]
    options = detector_options(
        shapes, VX__SOLVER__FREEZE=frozen, SOLVER__MAX_ITER=2, SOLVER__CHECKPOINT_PERIOD=1
    )
    train(configured(DETECTOR, options, tmp_path))
    first, second = (
        torch.load(tmp_path / f"model_000000{step}.pth", weights_only=True)["training"]["model"]
        for step in (0, 1)
    )
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert not any(name.startswith(tuple(frozen)) for name in moved)
    assert {name.split(".")[0] for name in moved} == {"proposal_generator", "roi_heads"}


def test_weights_of_other_classes_lose_their_last_layers_only(
    trained: Path, shapes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = shapes.read_text().replace(
        '"name": "square"}', '"name": "square"}, {"id": 9, "name": "x"}'
    )
    more = shapes.with_name("more.json")
    more.write_text(text)
    weights = str(trained / "model_final.pth")
    options = detector_options(more, MODEL__WEIGHTS=weights, SOLVER__MAX_ITER=1)
    with caplog.at_level(logging.WARNING):
        train(configured(DETECTOR, options, tmp_path))
    (line,) = [r.getMessage() for r in caplog.records if "of another shape" in r.getMessage()]
    named = {name.rsplit(".", 1)[0] for name in line.split(": ")[1].split(", ")}
    assert named == {
        "roi_heads.box_predictor.cls_score",
        "roi_heads.box_predictor.bbox_pred",
        "roi_heads.mask_head.predictor",
    }


def test_broken_photos_are_named_and_the_rest_is_trained_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shapes = write_shapes_dataset(tmp_path / "data", 20)
    images = tmp_path / "data" / "images"
    (images / "3.png").unlink()
    whole = (images / "8.png").read_bytes()
    (images / "8.png").write_bytes(whole[: len(whole) // 2])  # only decoding finds this
    options = detector_options(shapes, SOLVER__MAX_ITER=5, VX__DATA__VALIDATION=0)
    with caplog.at_level(logging.WARNING):
        result = train(configured(DETECTOR, options, tmp_path / "output"))
    assert result.finished and result.train_photos == 19
    assert "3.png" in caplog.text and "8.png" in caplog.text
    assert result.best_iou is None
    assert result.weights == str(tmp_path / "output" / "model_final.pth")


def test_a_loss_that_is_not_finite_names_itself_and_the_photos(
    shapes: Path, tmp_path: Path
) -> None:
    options = detector_options(shapes, SOLVER__BASE_LR=1e30, SOLVER__WARMUP_ITERS=0)
    with pytest.raises(
        TrainingError, match=r"loss_\w+ = (nan|inf) at iteration \d.*\d\.png"
    ) as got:
        train(configured(DETECTOR, options, tmp_path))
    assert "Lower SOLVER.BASE_LR" in str(got.value)


def test_names_that_the_data_does_not_have_are_refused(shapes: Path, tmp_path: Path) -> None:
    options = detector_options(
        shapes, VX__CLASS_NAMES=["disc", "cube"], MODEL__ROI_HEADS__NUM_CLASSES=2
    )
    with pytest.raises(ConfigError, match="disc, cube, but the data has disc, square"):
        train(configured(DETECTOR, options, tmp_path))


def test_all_keys_that_no_training_honours_are_named_at_once(shapes: Path, tmp_path: Path) -> None:
    options = detector_options(
        shapes,
        DATALOADER__SAMPLER_TRAIN="RepeatFactorTrainingSampler",
        SOLVER__CLIP_GRADIENTS__CLIP_TYPE="sum",
        SOLVER__REFERENCE_WORLD_SIZE=8,
    )
    with pytest.raises(ConfigError) as got:
        train(configured(DETECTOR, options, tmp_path))
    for key in ("SAMPLER_TRAIN: got 'Repeat", "CLIP_TYPE: got 'sum'", "REFERENCE_WORLD_SIZE"):
        assert key in str(got.value)


def test_a_result_that_was_expected_otherwise_fails_after_all_is_written(
    shapes: Path, tmp_path: Path
) -> None:
    expected = [["subject", "subject_iou", 1.5, 0.1]]
    options = detector_options(shapes, SOLVER__MAX_ITER=1, TEST__EXPECTED_RESULTS=expected)
    with pytest.raises(TrainingError, match=r"subject_iou 0\.\d+, expected 1\.5 \+- 0\.1"):
        train(configured(DETECTOR, options, tmp_path))
    assert (tmp_path / "result.json").exists()


@pytest.mark.parametrize("entry", [["bbox", "AP", 38.5, 0.2], ["subject", "subject_iou", 0.5]])
def test_results_that_nothing_measures_cannot_be_expected(
    shapes: Path, tmp_path: Path, entry: list[object]
) -> None:
    options = detector_options(shapes, TEST__EXPECTED_RESULTS=[entry])
    with pytest.raises(ConfigError, match=r"TEST\.EXPECTED_RESULTS: got .*supported: \['subject'"):
        train(configured(DETECTOR, options, tmp_path))
