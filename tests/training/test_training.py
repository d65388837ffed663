"""A short real training of the eye: it learns, stops, resumes, and its files work."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from coco_files import write_disc_dataset
from PIL import Image
from training_runs import TOOL, configured, curve, eye_options

from vx_detectron.cli.isolate import main as isolate
from vx_detectron.config import load_cfg
from vx_detectron.errors import ConfigError, TrainingError
from vx_detectron.training.run import evaluate
from vx_detectron.training.run import train_network as train
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
CONFIG = "finetune_vx_eye"


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_disc_dataset(tmp_path_factory.mktemp("discs"), 18)


@pytest.fixture(scope="module")
def unbroken(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "output"
    train(configured(CONFIG, eye_options(discs), folder))
    return folder


def test_the_loss_falls_and_all_files_are_there(unbroken: Path) -> None:
    losses = curve(unbroken)
    assert list(losses) == list(range(8))
    assert np.mean([losses[6], losses[7]]) < 0.8 * np.mean([losses[0], losses[1]])
    assert list(curve(unbroken, "saliency_iou")) == list(curve(unbroken, "subject_iou")) == [3, 7]
    found = {path.name.split(".")[0] for path in unbroken.iterdir()}
    assert found >= {"config", "splits", "metrics", "result", "curves", "predictions", "events"}
    assert sorted(path.name for path in unbroken.glob("*.pth")) == [
        "model_0000005.pth",  # the two last periodic ones: 2 is gone
        "model_0000007.pth",
        "model_best.pth",
        "model_final.pth",
    ]
    with Image.open(unbroken / "predictions" / "0000007.jpg") as grid:
        assert grid.size == (4 * 192, 2 * 192)


def test_the_result_says_what_trained_and_what_came_out(unbroken: Path) -> None:
    result = json.loads((unbroken / "result.json").read_text())
    ious = curve(unbroken, "saliency_iou")
    best = max(ious, key=lambda iteration: ious[iteration])
    assert result == {
        "trained": "eye",
        "engine": "torchvision",
        "finished": True,
        "iterations": 8,
        "weights": str(unbroken / "model_best.pth"),
        "best_by": "saliency_iou",
        "best_iou": ious[best],
        "best_mask_ap": None,
        "best_iteration": best,
        "train_photos": 16,
        "subject_photos": 16,
        "validation_photos": 2,
    }


def test_the_written_configuration_and_weights_cut_photos_out(
    unbroken: Path, discs: Path, tmp_path: Path
) -> None:
    photo, cut = discs.parent / "images" / "1.png", tmp_path / "cut.png"
    weights = ["--eye", str(unbroken / "model_best.pth"), "--engine", "torchvision"]
    config = ["--config-file", str(unbroken / "config.yaml"), "--device", "cpu"]
    result = CliRunner().invoke(isolate, [str(photo), "-o", str(cut), *config, *weights])
    assert result.exit_code == 0, result.output
    with Image.open(photo) as before, Image.open(cut) as after:
        red = np.asarray(before.convert("RGB"))[..., 0] > 128
        kept = np.asarray(after.convert("RGB")).any(axis=2)
    assert (red & kept).sum() / (red | kept).sum() > 0.7


def test_evaluating_the_best_weights_gives_the_figure_of_the_training(unbroken: Path) -> None:
    weights = str(unbroken / "model_best.pth")
    figures = evaluate(load_cfg(unbroken / "config.yaml", ["VX.EYE.WEIGHTS", weights]))
    result = json.loads((unbroken / "result.json").read_text())
    assert figures["eye_weights"] == weights
    assert figures["saliency_iou"] == pytest.approx(result["best_iou"], abs=1e-6)


def test_frozen_parts_are_untouched(unbroken: Path, discs: Path) -> None:
    cfg = load_cfg(CONFIG)
    start = read_checkpoint(catalog.resolve(cfg.VX.EYE.WEIGHTS))
    end = torch.load(unbroken / "model_final.pth", weights_only=True)["model"]
    assert start.keys() == end.keys()
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    assert not any(name.startswith(tuple(cfg.VX.SOLVER.FREEZE)) for name in moved)
    assert not any("running_" in name for name in moved)
    assert {"backbone", "merges", "predictors"} < {name.split(".")[0] for name in moved}


def test_a_run_killed_at_any_step_resumes_to_the_same_losses(
    unbroken: Path, discs: Path, tmp_path: Path
) -> None:
    options = eye_options(discs, DATALOADER__NUM_WORKERS=1)
    command = [*TOOL, "--config-file", CONFIG, *options, "OUTPUT_DIR", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (tmp_path / "last_checkpoint").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert max(curve(tmp_path)) < 7
    with (tmp_path / "metrics.json").open("a") as file:
        file.write('{"iteration": 99, "tot')  # what a kill in the midst of writing leaves
    train(configured(CONFIG, options, tmp_path), resume=True)
    expected, resumed = curve(unbroken), curve(tmp_path)
    assert sorted(resumed) == sorted(expected)
    for iteration, loss in expected.items():
        assert resumed[iteration] == pytest.approx(loss, rel=1e-4)


def test_a_lower_rate_counts_from_the_resume_on(discs: Path, tmp_path: Path) -> None:
    options = eye_options(discs, SOLVER__WARMUP_ITERS=0, SOLVER__STEPS=())
    train(configured(CONFIG, [*options, "SOLVER.MAX_ITER", "3"], tmp_path))
    lower = [*options, "SOLVER.MAX_ITER", "5", "SOLVER.BASE_LR", "0.0001"]
    train(configured(CONFIG, lower, tmp_path), resume=True)
    rates = curve(tmp_path, "lr")
    assert rates[2] > 0.0003 and max(rates[3], rates[4]) <= 0.0001


class Interrupt(logging.Handler):
    """Sends this process SIGTERM as soon as a message is logged."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(self.message):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_saves_and_the_rest_of_the_run_is_the_same(
    unbroken: Path, discs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cfg = configured(CONFIG, eye_options(discs), tmp_path)
    logger, handler = logging.getLogger("vx_detectron"), Interrupt("iteration 1:")
    logger.addHandler(handler)
    try:
        result = train(cfg)
    finally:
        logger.removeHandler(handler)
    assert not result.finished and result.iterations == 3  # the step after it was under way
    assert "SIGTERM: saving after this step" in caplog.text
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert train(cfg, resume=True).finished
    assert curve(tmp_path) == pytest.approx(curve(unbroken), rel=1e-4)


def test_a_training_without_gain_stops_early(discs: Path, tmp_path: Path) -> None:
    frozen = ["backbone", "context", "laterals", "merges", "narrow"]
    options = eye_options(
        discs,
        TEST__EVAL_PERIOD=1,
        VX__SOLVER__PATIENCE=2,
        VX__SOLVER__FREEZE=frozen,
        SOLVER__BASE_LR=1e-12,
    )
    result = train(configured(CONFIG, options, tmp_path))
    assert result.finished and result.iterations == 3 and result.best_iteration == 0
    assert (tmp_path / "model_final.pth").exists()


def test_a_folder_with_another_run_is_refused(unbroken: Path, discs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in unbroken.iterdir()}
    with pytest.raises(
        TrainingError, match="contains another training run: continue it with --resume"
    ):
        train(configured(CONFIG, eye_options(discs), unbroken))
    assert {path: path.stat().st_mtime_ns for path in unbroken.iterdir()} == before


def test_with_more_frozen_parts_a_run_goes_on(discs: Path, tmp_path: Path) -> None:
    train(configured(CONFIG, eye_options(discs, SOLVER__MAX_ITER=3), tmp_path))
    options = eye_options(discs, SOLVER__MAX_ITER=5, VX__SOLVER__FREEZE=["backbone"])
    assert train(configured(CONFIG, options, tmp_path), resume=True).iterations == 5
    first, last = (
        torch.load(tmp_path / f"model_{step:07d}.pth", weights_only=True)["training"]["model"]
        for step in (2, 4)
    )
    moved = {name for name in first if not torch.equal(first[name], last[name])}
    assert moved and not any(name.startswith("backbone") for name in moved)


def test_other_photos_cannot_resume(unbroken: Path, tmp_path: Path) -> None:
    more = write_disc_dataset(tmp_path / "more", 20)
    with pytest.raises(TrainingError, match="was trained on 16 photos, now there are 18"):
        train(configured(CONFIG, eye_options(more), unbroken), resume=True)


@pytest.mark.parametrize("name", ["none", "mine.pth"])
def test_an_eye_that_is_not_trained_here_is_refused(name: str, discs: Path, tmp_path: Path) -> None:
    options = eye_options(discs, VX__EYE__NAME=name)
    with pytest.raises(ConfigError, match=rf"VX\.EYE\.NAME: got '{name}', .* VX\.EYE\.WEIGHTS"):
        train(configured(CONFIG, options, tmp_path / "output"))
    assert not (tmp_path / "output").exists()


def test_too_few_photos_are_counted_before_anything_is_written(discs: Path, tmp_path: Path) -> None:
    content = json.loads(discs.read_text())
    for image in content["images"]:
        image["split"] = "val"
    held_out = discs.with_name("held_out.json")
    held_out.write_text(json.dumps(content))
    options = eye_options(held_out, VX__DATA__IMAGE_ROOT=discs.parent / "images")
    with pytest.raises(TrainingError, match=r"18 photos VX\.DATA\.VALIDATION .* hold out 18"):
        train(configured(CONFIG, options, tmp_path / "output"))
    assert not (tmp_path / "output").exists()
