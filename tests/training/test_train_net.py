"""The command line of a training: its answers, its exit codes, and what stands on which stream."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from coco_files import write_disc_dataset
from training_runs import eye_options

from vx_detectron.cli.train_net import main
from vx_detectron.training import metrics_log

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")
CONFIG = ["--config-file", "finetune_vx_eye"]


def test_a_wrong_key_is_a_wrong_use_and_missing_data_a_failure(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(main, [*CONFIG, "SOLVER.MAX_ITERS", "3"])
    assert wrong.exit_code == 2 and "did you mean SOLVER.MAX_ITER" in wrong.stderr
    assert CliRunner().invoke(main, []).exit_code == 2
    missing = [
        *CONFIG,
        "VX.DATA.JSON",
        str(tmp_path / "no.json"),
        "OUTPUT_DIR",
        str(tmp_path / "o"),
    ]
    failed = CliRunner().invoke(main, missing)
    assert failed.exit_code == 1 and "no.json" in failed.stderr and not failed.stdout
    assert not (tmp_path / "o").exists()


def test_training_then_evaluating_prints_one_line_of_json_each(tmp_path: Path) -> None:
    discs, output = write_disc_dataset(tmp_path / "discs", 8), tmp_path / "output"
    options = eye_options(discs, SOLVER__MAX_ITER=1)
    trained = CliRunner().invoke(main, [*CONFIG, *options, "OUTPUT_DIR", str(output)])
    assert trained.exit_code == 0, trained.stderr
    result = json.loads(trained.stdout)
    assert result == json.loads((output / "result.json").read_text())
    written = ["--config-file", str(output / "config.yaml"), "VX.EYE.WEIGHTS", result["weights"]]
    evaluated = CliRunner().invoke(main, [*written, "--eval-only"])
    assert evaluated.exit_code == 0, evaluated.stderr
    figures = json.loads(evaluated.stdout)
    assert figures["saliency_iou"] == pytest.approx(result["best_iou"], abs=1e-6)
    assert figures["engine"] == "torchvision" and 0 <= figures["subject_iou"] <= 1
    assert (figures["eye"], figures["eye_weights"]) == ("vx_eye", result["weights"])
    assert figures["weights"] == "bundled://vx_fbnetv3a.safetensors"
    again = CliRunner().invoke(main, [*written])
    assert again.exit_code == 1 and "with --resume" in again.stderr


def test_without_the_extras_their_files_are_left_out_which_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("matplotlib.figure", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, module, None)
    metrics_log._matplotlib.cache_clear()
    with caplog.at_level(logging.WARNING):
        log = metrics_log.MetricsLog(tmp_path, 0)
        log.write(0, {"total_loss": 1.0})
        metrics_log.draw_curves(tmp_path)
        metrics_log.draw_curves(tmp_path)
        log.close()
    metrics_log._matplotlib.cache_clear()
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    assert caplog.text.count('pip install "vx-detectron[train]"') == 2
