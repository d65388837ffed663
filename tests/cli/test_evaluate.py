"""``evaluate`` as a person or a script runs it: tables, files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from choice_sets import write_labelled_photos
from click.testing import CliRunner, Result
from PIL import Image
from shipped_photos import Photo

from vx_detectron.cli.evaluate import main

ROOT = Path(__file__).resolve().parents[2]

# pycocotools 2 hands NumPy 2 an array-like of the old kind.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def data(coffee: Photo, tmp_path: Path) -> Path:
    """Three photos in ``images``, their ``masks``, and masks by someone ``else``."""
    for folder in ("images", "masks", "else"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        mask = np.zeros((60, 80), dtype=np.uint8)
        mask[10:40, 10 + 10 * number : 50] = 255
        Image.fromarray(coffee[100:160, 100:180]).save(tmp_path / "images" / f"{number}.jpg")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
        Image.fromarray(np.roll(mask, 10, axis=1)).save(tmp_path / "else" / f"{number}.png")
    return tmp_path


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def masks(data: Path, *options: str | Path) -> Result:
    return run("masks", data / "images", data / "masks", *options)


def figure(result: Result, name: str) -> float:
    (line,) = (line for line in result.stdout.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def test_a_folder_of_masks_as_a_program(data: Path) -> None:
    """IoU by hand: rows of 40, 30 and 20 pixels, moved by 10."""
    command = [sys.executable, str(ROOT / "tools" / "evaluate.py"), "masks", "images", "masks"]
    program = subprocess.run(
        [*command, "--predictions", "else", "-o", "out"],
        cwd=data,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (program.returncode, program.stderr) == (0, "")
    line = next(line for line in program.stdout.splitlines() if line.startswith("iou "))
    assert float(line.split()[1]) == pytest.approx((30 / 50 + 20 / 40 + 10 / 30) / 3, abs=1e-4)
    results = json.loads((data / "out" / "results.json").read_text())
    assert [row["iou"] for row in results["photos"]] == [0.6, 0.5, pytest.approx(1 / 3)]
    assert (data / "out" / "results.csv").read_text().startswith("name,photo,source,iou,")


def test_a_problem_is_named_and_the_exit_code_says_so(data: Path) -> None:
    (data / "else" / "1.png").unlink()
    result = masks(data, "--predictions", data / "else")
    assert result.exit_code == 4
    assert "not measured: 1" in result.stderr and "no mask 1.*" in result.stderr
    assert "2 photos" in result.stdout


@pytest.mark.parametrize(("least", "code"), [("0.4", 0), ("0.5", 5)])
def test_a_figure_under_its_floor(data: Path, least: str, code: int) -> None:
    result = masks(data, "--predictions", data / "else", "--fail-under", f"iou={least}")
    assert result.exit_code == code
    assert ("iou is 0.477" in result.stderr) == (code == 5)


def test_nothing_to_measure_fails(data: Path) -> None:
    (data / "empty").mkdir()
    result = masks(data, "--predictions", data / "empty")
    assert result.exit_code == 1 and "none of the 0 pictures" in result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fail-under", "beauty=1"), "expected FIGURE=VALUE with one of iou"),
        (("--fail-under", "mae=0.1"), "expected FIGURE=VALUE"),
        (("--fail-under", "iou=much"), "finite number, got 'much'"),
        (("--fail-under", "iou=nan"), "finite number, got 'nan'"),
        (("--time-limit", "nan"), "finite number, got nan"),
        (("--predictions", ""), "expected a path, got an empty one"),
        (("--predictions", ".", "--command", "x"), "--predictions or --command"),
        (("--predictions", ".", "--weights", "x"), "leave out --weights"),
        (("--ablation", "--fail-under", "iou=0.5"), "--ablation has several results"),
        (("--every", "0"), "--every"),
        (("--predictions", "nowhere"), "does not exist"),
    ],
)
def test_wrong_use_does_nothing(data: Path, options: tuple[str, ...], message: str) -> None:
    result = masks(data, *options, "-o", data / "out")
    assert result.exit_code == 2 and message in result.stderr
    assert not (data / "out").exists()


def test_a_command_and_a_comparison(data: Path) -> None:
    script = data / "grey.py"
    script.write_text(
        "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('L').save(sys.argv[2])"
    )
    command = f"{sys.executable} {script} {{image}} {{mask}}"
    assert masks(data, "--command", command, "-o", data / "a").exit_code == 0
    assert masks(data, "--predictions", data / "masks", "-o", data / "b").exit_code == 0
    pair = data / "a" / "results.json", data / "b" / "results.json"
    result = run("compare", *pair)
    assert result.exit_code == 0, result.stderr
    assert "3 photos" in result.stdout
    comparison = json.loads(run("compare", *pair, "--json").stdout)
    assert comparison["metrics"]["iou"]["second"] == 1
    assert comparison["metrics"]["iou"]["better"] == 1


def test_results_over_other_photos_are_named(data: Path) -> None:
    masks(data, "--predictions", data / "else", "-o", data / "a")
    masks(data, "--predictions", data / "else", "-o", data / "b", "--every", "2")
    result = run("compare", data / "a" / "results.json", data / "b" / "results.json")
    assert result.exit_code == 4
    assert "1 photos are in the first only, such as 1" in result.stderr


def test_an_ablation_of_the_bundled_model(chelsea: Photo, tmp_path: Path) -> None:
    for folder, pixels in (("images", chelsea), ("masks", chelsea[..., 0] // 128 * 255)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "cat.png")
    options = ("--ablation", "--engine", "torchvision", "--device", "cpu", "-o", tmp_path / "out")
    result = masks(tmp_path, *options)
    assert result.exit_code == 0, result.stderr
    folders = {path.parent.name for path in (tmp_path / "out").glob("*/results.json")}
    assert folders == {
        "raw-masks",
        "plus-saliency-fusion",
        "plus-morphology",
        "plus-densecrf",
        "plus-sharp-edge",
        "saliency-map-alone",
    }
    lines = {line[:18].strip(): line.split() for line in result.stdout.splitlines()}
    alone = json.loads((tmp_path / "out" / "saliency-map-alone" / "results.json").read_text())
    iou = alone["summary"]["mean"]["iou"]["value"]
    assert float(lines["saliency map alone"][3]) == pytest.approx(iou, abs=1e-4)


def test_annotations_are_read_before_any_network(tmp_path: Path) -> None:
    """The weights are not there: whoever loads them first says so, not what is wrong here."""
    labels, truth, images = write_labelled_photos(tmp_path)
    truth.write_text("{}")
    nowhere = ("--engine", "torchvision", "--weights", tmp_path / "nowhere.pth")
    photos = (labels, truth, images)
    for words in (("choice", *photos), ("detection", truth, images)):
        result = run(*words, *nowhere)
        assert result.exit_code == 1 and str(truth) in result.stderr
        assert "nowhere.pth" not in result.stderr
    # Nor does --choice wait for a network.
    masks = tmp_path / "masks"
    masks.mkdir()
    for photo in images.glob("*.png"):
        with Image.open(photo) as picture:
            Image.new("L", picture.size, 255).save(masks / photo.name)
    output = ("-o", tmp_path / "out", "--choice", *photos)
    result = run("masks", images, masks, *nowhere, *output)
    assert result.exit_code == 1 and str(truth) in result.stderr


def test_a_guest_is_idle_beside_predictions(data: Path) -> None:
    result = masks(data, "--predictions", data / "else", "--eye", "u2net")
    assert result.exit_code == 2 and "leave out --eye" in result.stderr


def test_choice_and_detection(tmp_path: Path) -> None:
    labels, truth, images = write_labelled_photos(tmp_path)
    network = ("--engine", "torchvision", "--device", "cpu", "-o", tmp_path / "out")
    choice = run("choice", labels, truth, images, *network)
    assert choice.exit_code == 4 and "not measured: 1" in choice.stderr
    assert "true things given" in choice.stdout and "end to end" in choice.stdout
    assert json.loads((tmp_path / "out" / "results.json").read_text())["data"]["photos"] == 3
    detection = run("detection", truth, images, *network, "--fail-under", "bbox.AP=1.01")
    assert detection.exit_code == 5 and "bbox.AP is 0." in detection.stderr
    assert 0 < figure(detection, "AP50") <= 1


def test_clicks_from_nothing_and_from_the_cut(data: Path) -> None:
    both = ("clicks", data / "images", data / "masks", "--every", "2")
    result = run(*both, "--segmenter", "grabcut", "-o", data / "out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("grabcut, from nothing\n") and figure(result, "masks") == 2
    assert 1 <= figure(result, "noc_85") <= figure(result, "noc_90") <= 20
    assert json.loads((data / "out" / "results.json").read_text())["settings"]["most_clicks"] == 20
    assert (data / "out" / "results.csv").read_text().startswith("name,seconds_per_click,iou.0,")
    cut = run("clicks", data / "images", data / "masks", "--every", "3", "--from", "cut",
              "--segmenter", "graph cut", "--fail-under", "iou_5=1.1")  # fmt: skip
    assert cut.exit_code == 5 and cut.stdout.startswith("graph cut, from cut\n")
    assert "iou_5 is" in cut.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("images",), "pass the true masks in one way"),
        (("images", "masks", "--split", "dev"), "--split is for --coco"),
        (("images", "masks", "--segmenter", "grabcut", "--from", "cut"), "runs no network"),
        (("images", "masks", "--fail-under", "noc_85=3"), "expected FIGURE=VALUE"),
    ],
)
def test_wrong_use_of_clicks(
    data: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(data)
    result = run("clicks", *options)
    assert result.exit_code == 2 and message in result.stderr
