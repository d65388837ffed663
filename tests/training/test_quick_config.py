"""The training of configs/quick learns, and reaches the result that is written beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from training_runs import TOOL

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
QUICK, MAKE_DATA = ROOT / "configs" / "quick", ROOT / "benchmarks" / "make_quick_data.py"
CONFIG = "mask_rcnn_fbnetv3a_FPN.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("quick") / "data"
    subprocess.run([sys.executable, str(MAKE_DATA), str(folder)], check=True)
    paths = "VX.DATA.JSON", folder / "instances.json", "VX.DATA.IMAGE_ROOT", folder / "images"
    return [str(part) for part in paths]


def quick(*options: str) -> subprocess.CompletedProcess[str]:
    command = [*TOOL, "--config-file", str(QUICK / CONFIG), "MODEL.DEVICE", "cpu", *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    "engine", ["torchvision", pytest.param("detectron2", marks=pytest.mark.detectron2)]
)
def test_it_learns_to_the_result_beside_it(data: list[str], engine: str, tmp_path: Path) -> None:
    if engine == "detectron2":
        pytest.importorskip("detectron2")
    options = [*data, "VX.ENGINE", engine]
    first = [*options, "SOLVER.MAX_ITER", "1", "OUTPUT_DIR", str(tmp_path / "first")]
    missed = quick(*first)
    assert missed.returncode == 1
    assert "the results differ from TEST.EXPECTED_RESULTS: subject_iou 0." in missed.stderr
    trained = quick(*options, "OUTPUT_DIR", str(tmp_path / "trained"))
    assert trained.returncode == 0, trained.stderr
    before = json.loads((tmp_path / "first" / "result.json").read_text())
    after = json.loads(trained.stdout)
    assert after["engine"] == before["engine"] == engine
    assert after["best_iou"] > 2 * before["best_iou"]
