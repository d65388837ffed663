"""Two processes that torchrun starts, against one: the same losses of the same batches."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from coco_files import disc, write_dataset, write_shapes_dataset
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


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


@pytest.mark.parametrize("count", [1, 3])
def test_processes_share_a_validation(count: int, tmp_path: Path) -> None:
    photos = [[(5, disc(60, 80, 40 + 2 * one, 30, 20))] for one in range(count)]
    annotations = write_dataset(tmp_path / "data", photos, {5: "person", 6: "cat"}, "instance")
    script = Path(__file__).with_name("shared_validation.py")
    command = [*TORCHRUN, str(script), str(annotations), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    main, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    # Neither looked at all photos, and both know what one that looked at all of them would say.
    assert (main["shown"], other["shown"]) == ((count + 1) // 2, count // 2)
    assert main["figures"] == other["figures"] == main["alone"]
    assert {"subject_iou", "segm_AP", "bbox_AP"} <= main["figures"].keys()
    assert main["best"] == other["best"] > 0
    # The weights that were measured are the main process's, which are those that it saves.
    assert main["statistics"] == other["statistics"] == [1.0, 1.0, 1.0]
    assert (tmp_path / "model_best.pth").is_file()
    assert (tmp_path / "predictions" / "0000000.jpg").is_file()


def test_processes_that_start_apart_are_refused_in_all_of_them(tmp_path: Path) -> None:
    script = tmp_path / "start.py"
    script.write_text(SCRIPT)
    done = subprocess.run([*TORCHRUN, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
