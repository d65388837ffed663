"""Two processes that torchrun starts, against one: the same losses of the same batches."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from coco_files import write_shapes_dataset
from training_runs import DETECTOR, TOOL, configured, curve, detector_options

from vx_detectron.training.run import train_network as train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools"),
]


def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    shapes = write_shapes_dataset(tmp_path / "shapes", 20)
    options = detector_options(
        shapes,
        MODEL__RESNETS__NORM="FrozenBN",  # statistics of half a batch would differ
        # Nothing is left to chance where all boxes are drawn.
        MODEL__RPN__BATCH_SIZE_PER_IMAGE=100_000,
        MODEL__ROI_HEADS__BATCH_SIZE_PER_IMAGE=100_000,
        SOLVER__BASE_LR=0.002,
        SOLVER__MAX_ITER=4,
    )
    alone, together = tmp_path / "alone", tmp_path / "together"
    train(configured(DETECTOR, options, alone))
    command = [*TOOL, "--config-file", DETECTOR, "--num-gpus", "2", *options]
    done = subprocess.run(
        [*command, "OUTPUT_DIR", str(together)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["iterations"] == 4  # from one process only
    for name in ("loss_rpn_cls", "loss_rpn_loc"):
        assert curve(together, name) == pytest.approx(curve(alone, name), rel=1e-3)
    assert curve(together) == pytest.approx(curve(alone), rel=0.05)
    resumed = subprocess.run(
        [*command, "OUTPUT_DIR", str(together), "SOLVER.MAX_ITER", "6", "--resume"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    assert list(curve(together)) == list(range(6))


SCRIPT = """
import sys, torch
from vx_detectron.errors import TrainingError
from vx_detectron.training import distributed

cpu = torch.device("cpu")
photos = [{"image_id": 1}, {"image_id": 2}]
with distributed.process_group(cpu):
    distributed.expect_same_start(7, photos, cpu)
    rank, refused = distributed.rank(), 0
    for step, some in ((7 * (1 - rank), photos), (7, photos[rank:])):
        try:
            distributed.expect_same_start(step, some, cpu)
        except TrainingError as error:
            refused += "must start at one step" in str(error)
    sys.exit(0 if refused == 2 else 1)
"""


def test_processes_that_start_apart_are_refused_in_all_of_them(tmp_path: Path) -> None:
    script = tmp_path / "start.py"
    script.write_text(SCRIPT)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run([*torchrun, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
