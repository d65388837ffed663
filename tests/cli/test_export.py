"""``vx export``: what it refuses before any work, and one whole run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import skimage
from click.testing import CliRunner

from vx_detectron.cli.export import main
from vx_detectron.config.exported import read_metadata

PHOTO = str(Path(skimage.__file__).parent / "data" / "chelsea.png")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "model.pth"], "-o must end in .onnx or .xml, got 'model.pth'"),
        (["-o", "no/such/folder/model.onnx"], "is not a folder; create it first"),
        (["-o", "m.onnx", "--fp16", "--int8", PHOTO], "choose --fp16 or --int8, not both"),
        (["-o", "m.onnx", "--eye", "--hints"], "choose --eye or --hints, not both"),
        (["-o", "m.onnx", "--hints", "--int8", PHOTO], "--int8 cannot be used with --hints"),
        (["-o", "m.onnx", "--int8"], "need photos to run on"),
        (["-o", "m.onnx", "--check"], "need photos to run on"),
        (["-o", "m.onnx", PHOTO], "photos need --int8 or --check"),
        (["-o", "m.onnx", "--opt", "MODEL.WEIGTHS", "x"], "did you mean MODEL.WEIGHTS"),
    ],
)
def test_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(main, words)
    assert (run.exit_code, message in run.stderr) == (2, True), run.stderr
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("mine")
    run = CliRunner().invoke(main, ["-o", str(path)])
    assert (run.exit_code, path.read_text()) == (2, "mine")
    assert "--overwrite" in run.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "none.pth"], "none.pth"),
        (["--weights", "model.onnx"], "is exported already"),
        (["--eye", "--opt", "VX.EYE.NAME", "none"], "has no eye to export"),
        (["--eye", "--opt", "VX.EYE.NAME", "u2net.onnx"], "is exported already"),
        (["--hints", "--weights", "none.pth"], "none.pth"),
        (["--hints", "--weights", "hints.onnx"], "is exported already"),
        (["--hints", "--opt", "VX.EYE.NAME", "none"], "give that eye"),
        (["--hints", "--weights", "bundled://vx_eye.safetensors"],
         "does not say that it is a hint decoder"),
        (["--opt", "MODEL.RETINANET.NUM_CLASSES", "3", "--opt", "MODEL.META_ARCHITECTURE",
          "RetinaNet"], "MODEL.META_ARCHITECTURE: got 'RetinaNet'"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused_by_name(
    tmp_path: Path, words: list[str], message: str
) -> None:
    run = CliRunner().invoke(main, ["-o", str(tmp_path / "m.onnx"), *words])
    assert (run.exit_code, message in run.stderr) == (1, True), run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_bundled_eye_is_written_and_compared(tmp_path: Path) -> None:
    photo = shutil.copy(PHOTO, tmp_path / "cat.png")
    path = tmp_path / "eye.onnx"
    run = CliRunner().invoke(main, ["--eye", "-o", str(path), "--check", str(photo)])
    assert run.exit_code == 0, run.stderr
    assert run.stdout == f"{path}\n"
    assert run.stderr.startswith(f"{photo}: map within ")
    assert read_metadata(path)["vx.license"] == "Apache-2.0"


@pytest.mark.slow
def test_the_bundled_detector_is_written_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    run = CliRunner().invoke(main, ["-o", str(path), "--check", PHOTO])
    assert run.exit_code == 0, run.stderr
    assert "1 instances, boxes within 0.000 px" in run.stderr
