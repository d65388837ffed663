"""A short real training: it learns, it resumes exactly after a kill, its files load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import write_disc_dataset

from vx_detectron.config import load_cfg
from vx_detectron.engines.modeling.mask_rcnn import build_model
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import TrainingError
from vx_detectron.training.loop import Training
from vx_detectron.training.solver import build_lr_scheduler

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
TOOL = Path(__file__).parents[2] / "tools" / "train_net.py"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for a training of a few small steps on discs."""
    folder = tmp_path_factory.mktemp("discs")
    annotations = write_disc_dataset(folder, 24)
    values = {
        "VX.DATA.JSON": annotations,
        "VX.DATA.IMAGE_ROOT": folder / "images",
        "VX.DATA.VALIDATION": 4,
        "VX.SOLVER.CROP": 64,
        "VX.SOLVER.LOG_PERIOD": 1,
        "VX.SOLVER.EMA_DECAY": 0.5,
        "SOLVER.IMS_PER_BATCH": 4,
        "SOLVER.MAX_ITER": 12,
        "SOLVER.WARMUP_ITERS": 2,
        "SOLVER.CHECKPOINT_PERIOD": 4,
        "SOLVER.AMP.ENABLED": False,
        "SOLVER.BASE_LR": 0.003,
        "TEST.EVAL_PERIOD": 6,
        "DATALOADER.NUM_WORKERS": 0,
        "MODEL.DEVICE": "cpu",
    }
    return [str(part) for pair in values.items() for part in pair]


def losses(folder: Path) -> dict[int, float]:
    lines = map(json.loads, (folder / "metrics.json").read_text().splitlines())
    return {line["iteration"]: line["loss"] for line in lines if "loss" in line}


def train(options: list[str], folder: Path, resume: bool = False) -> None:
    cfg = load_cfg("train_vx_fbnetv3a", [*options, "OUTPUT_DIR", str(folder)])
    Training(cfg, resume=resume).run()


@pytest.fixture(scope="module")
def unbroken(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    train(options, folder)
    return folder


def test_the_loss_falls_and_both_checkpoints_are_there(unbroken: Path) -> None:
    curve = losses(unbroken)
    assert list(curve) == list(range(1, 13))
    assert np.mean([curve[i] for i in (10, 11, 12)]) < 0.8 * np.mean([curve[i] for i in (1, 2, 3)])
    assert {"model_best.pth", "model_last.pth"} <= {path.name for path in unbroken.iterdir()}


def test_the_checkpoint_runs_in_the_engine(unbroken: Path) -> None:
    path = unbroken / "model_last.pth"
    cfg = load_cfg(None, ["MODEL.WEIGHTS", str(path), "MODEL.DEVICE", "cpu"])
    found = TorchvisionEngine(cfg).predict(np.full((60, 80, 3), 128, np.uint8))
    assert found.saliency is not None and np.isfinite(found.saliency).all()


def test_frozen_parts_are_untouched(unbroken: Path, options: list[str]) -> None:
    cfg = load_cfg("train_vx_fbnetv3a", options)
    torch.manual_seed(cfg.SEED)
    start = build_model(cfg).state_dict()
    end = torch.load(unbroken / "model_last.pth", weights_only=True)["training"]["model"]
    moved = {name.split(".")[0] for name in start if not torch.equal(start[name], end[name])}
    assert moved == {"sem_seg_head"}


def test_a_run_killed_at_any_step_resumes_to_the_same_losses(
    unbroken: Path, options: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, str(TOOL), "--config-file", "train_vx_fbnetv3a"]
    process = subprocess.Popen(
        [*command, *options, "OUTPUT_DIR", str(tmp_path)], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 90
    while not (tmp_path / "last_checkpoint").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert max(losses(tmp_path)) < 12
    train(options, tmp_path, resume=True)
    expected, resumed = losses(unbroken), losses(tmp_path)
    assert sorted(resumed) == sorted(expected)
    for iteration, loss in expected.items():
        assert resumed[iteration] == pytest.approx(loss, rel=1e-4)


def test_what_cannot_be_trained_is_refused_in_words(options: list[str]) -> None:
    unfrozen = load_cfg("train_vx_fbnetv3a", [*options, "VX.SOLVER.FREEZE", "['backbone']"])
    with pytest.raises(TrainingError, match="not frozen are: proposal_generator, roi_heads"):
        Training(unfrozen, resume=False)
    plain = ["MODEL.WEIGHTS", ""]
    without = load_cfg("COCO-InstanceSegmentation/mask_rcnn_R_18_FPN", [*options, *plain])
    with pytest.raises(TrainingError, match="has none"):
        Training(without, resume=False)


def test_too_few_photos_are_counted_before_anything_is_written(
    options: list[str], tmp_path: Path
) -> None:
    more = ["VX.DATA.VALIDATION", "30", "OUTPUT_DIR", str(tmp_path / "output")]
    with pytest.raises(TrainingError, match=r"24 photos .* holds out 30"):
        Training(load_cfg("train_vx_fbnetv3a", [*options, *more]), resume=False)
    assert not (tmp_path / "output").exists()


def test_the_learning_rate_warms_up_and_falls_along_a_cosine(options: list[str]) -> None:
    cfg = load_cfg("train_vx_fbnetv3a", [*options, "SOLVER.MAX_ITER", "100"])
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build_lr_scheduler(cfg, optimizer)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.001)
    assert rates[50] == pytest.approx(0.5, abs=1e-6)
    assert rates[99] < 0.001 and rates[2] > 0.99
