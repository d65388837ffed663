"""The real Detectron2 as the engine of a training, beside this package's own."""

from __future__ import annotations

import json
import logging
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import write_shapes_dataset
from PIL import Image
from training_runs import DETECTOR, configured, curve, detector_options

from vx_detectron.config import load_cfg
from vx_detectron.engines import build_detector
from vx_detectron.errors import ConfigError, TrainingError
from vx_detectron.structures import Instances
from vx_detectron.training.run import train_network as train

pytest.importorskip("detectron2")
pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools"),
    pytest.mark.filterwarnings("ignore::FutureWarning:detectron2"),
]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes_dataset(tmp_path_factory.mktemp("shapes"), 20)


def run(engine: str, shapes: Path, folder: Path, **overrides: object) -> Path:
    options = detector_options(shapes, VX__ENGINE=engine, **overrides)
    assert train(configured(DETECTOR, options, folder)).engine == engine
    return folder


@pytest.fixture(scope="module")
def runs(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        engine: run(engine, shapes, tmp_path_factory.mktemp(engine))
        for engine in ("detectron2", "torchvision")
    }


def test_both_engines_write_the_same_files_and_learn(runs: dict[str, Path]) -> None:
    for engine, folder in runs.items():
        losses = curve(folder)
        assert list(losses) == list(range(8)), engine
        assert np.mean([losses[6], losses[7]]) < 0.9 * np.mean([losses[0], losses[1]]), engine
        assert list(curve(folder, "subject_iou")) == [3, 7], engine
        assert json.loads((folder / "result.json").read_text())["engine"] == engine
    ours, theirs = (
        {path.name for path in runs[engine].iterdir() if not path.name.startswith("events")}
        for engine in ("torchvision", "detectron2")
    )
    assert ours == theirs


@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")
def test_detectron2_knows_the_photos_by_name(shapes: Path, tmp_path: Path) -> None:
    from detectron2.data import DatasetCatalog, MetadataCatalog

    run("detectron2", shapes, tmp_path, SOLVER__MAX_ITER=1)
    recorded = json.loads((tmp_path / "splits.json").read_text())
    for name in ("train", "val", "test"):
        photos = DatasetCatalog.get(f"vx_{name}")
        assert sorted(photo["image_id"] for photo in photos) == recorded[name]
    classes = load_cfg(tmp_path / "config.yaml").VX.CLASS_NAMES
    assert MetadataCatalog.get("vx_train").thing_classes == list(classes)


def predict(engine: str, folder: Path, photo: Path) -> Instances:
    overrides = ["VX.ENGINE", engine, "MODEL.WEIGHTS", str(folder / "model_final.pth")]
    cfg = load_cfg(
        folder / "config.yaml", [*overrides, "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.01"]
    )
    with Image.open(photo) as image:
        return build_detector(cfg).predict(np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("trained_with", ["detectron2", "torchvision"])
def test_weights_of_either_engine_give_the_same_in_both(
    runs: dict[str, Path], shapes: Path, trained_with: str
) -> None:
    photo = shapes.parent / "images" / "1.png"
    first = predict("detectron2", runs[trained_with], photo)
    second = predict("torchvision", runs[trained_with], photo)
    assert len(first) == len(second) > 0
    assert np.array_equal(first.classes, second.classes)
    np.testing.assert_allclose(first.boxes, second.boxes, atol=0.05)
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-4)
    np.testing.assert_allclose(first.mask_grids, second.mask_grids, atol=1e-3)


class Interrupt(logging.Handler):
    """Sends this process SIGTERM when Detectron2 logs its second step."""

    def emit(self, record: logging.LogRecord) -> None:
        if "iter: 1 " in record.getMessage():
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_stopped_run_resumes_to_the_same_losses(
    runs: dict[str, Path], shapes: Path, tmp_path: Path
) -> None:
    cfg = configured(DETECTOR, detector_options(shapes, VX__ENGINE="detectron2"), tmp_path)
    logger, handler = logging.getLogger("detectron2"), Interrupt()
    logger.addHandler(handler)
    try:
        result = train(cfg)
    finally:
        logger.removeHandler(handler)
    assert not result.finished and result.iterations == 3
    assert train(cfg, resume=True).iterations == 8
    saved = [
        torch.load(f / "model_final.pth", weights_only=True)["model"]
        for f in (tmp_path, runs["detectron2"])
    ]
    for name, value in saved[1].items():
        torch.testing.assert_close(saved[0][name], value, rtol=1e-3, atol=1e-4, msg=name)
    with pytest.raises(TrainingError, match="resumed with the engine that started it"):
        train(configured(DETECTOR, detector_options(shapes), tmp_path), resume=True)


def test_early_stopping_and_what_detectron2_cannot_do(shapes: Path, tmp_path: Path) -> None:
    overrides = {"TEST__EVAL_PERIOD": 1, "VX__SOLVER__PATIENCE": 1, "SOLVER__BASE_LR": 1e-12}
    options = detector_options(
        shapes, VX__ENGINE="detectron2", MODEL__RESNETS__NORM="FrozenBN", **overrides
    )
    result = train(configured(DETECTOR, options, tmp_path / "early"))
    assert result.finished and result.iterations == 2
    mixed = detector_options(shapes, VX__ENGINE="detectron2", SOLVER__AMP__ENABLED=True)
    with pytest.raises(ConfigError, match="Detectron2 supports mixed precision"):
        train(configured(DETECTOR, mixed, tmp_path / "mixed"))
    auto = [*mixed, "VX.ENGINE", "auto", "SOLVER.MAX_ITER", "1"]
    assert train(configured(DETECTOR, auto, tmp_path / "auto")).engine == "torchvision"


def test_a_loss_that_is_not_finite_names_the_photos(shapes: Path, tmp_path: Path) -> None:
    options = detector_options(
        shapes, VX__ENGINE="detectron2", SOLVER__BASE_LR=1e30, SOLVER__WARMUP_ITERS=0
    )
    with pytest.raises(TrainingError, match=r"at iteration \d, with the photos .*\d\.png"):
        train(configured(DETECTOR, options, tmp_path))
