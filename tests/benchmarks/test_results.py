"""The baselines of ``benchmarks/results.py``, and the page of results that it writes."""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx.parser
import pytest
from PIL import Image
from shipped_photos import ROOT, Photo


@pytest.fixture
def baselines(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("baselines")


def red_square_on_noise() -> Photo:
    """120 x 160, grey noise, with a square of 20 pixels in the middle."""
    noise = np.random.default_rng(0).normal(120, 6, (120, 160, 1)).clip(0, 255)
    photo = noise.astype(np.uint8).repeat(3, axis=2)
    photo[50:70, 70:90] = (220, 30, 30)
    return photo


def test_what_is_unlike_the_rest_is_salient(baselines: ModuleType) -> None:
    saliency = baselines.spectral_residual(red_square_on_noise())
    assert saliency.dtype == np.float32 and saliency.shape == (120, 160)
    assert 0 <= saliency.min() < 0.01 and 0.9 < saliency.max() <= 1
    assert saliency[50:70, 70:90].mean() > 3 * saliency.mean()


def test_a_flat_photo_has_a_map_too(baselines: ModuleType) -> None:
    flat = baselines.spectral_residual(np.full((30, 50, 3), 7, dtype=np.uint8))
    assert np.isfinite(flat).all() and flat.shape == (30, 50)


def test_grabcut_takes_what_is_unlike_the_border(baselines: ModuleType) -> None:
    mask = baselines.grabcut_box(red_square_on_noise()) > 0
    square = np.zeros((120, 160), dtype=bool)
    square[50:70, 70:90] = True
    assert (mask & square).sum() / (mask | square).sum() > 0.9


def bright_guest(path: Path) -> Path:
    """A network of a stranger that marks what is bright."""
    text = """<ir_version: 8, opset_import: ["": 18]>
    guest (float[1, 3, 320, 320] photo) => (float[1, 1, 320, 320] d0) {
        axis = Constant <value_ints = [1]> () d0 = ReduceMean (photo, axis)
    }"""
    onnx.save(onnx.parser.parse_model(text), path)
    return path


@pytest.mark.parametrize("guest", ["U2-Net-p=nowhere.onnx", "=x.onnx", "nobody"])
def test_a_guest_that_is_not_there(guest: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for folder in ("images", "masks"):
        Image.new("L", (8, 8), 255).save(tmp_path / folder / "a.png")
    command = [sys.executable, str(ROOT / "benchmarks" / "results.py"), "--guest", guest]
    command += ["-o", str(tmp_path / "page.md"), "--set", "one"]
    folders = [str(tmp_path / folder) for folder in ("images", "masks")]
    ended = subprocess.run([*command, *folders], capture_output=True, text=True, timeout=120)
    assert ended.returncode in (1, 2) and "Error:" in ended.stderr
    assert guest.partition("=")[2] in ended.stderr and not (tmp_path / "page.md").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": "vx-evaluation-masks/1"}'])
def test_clicks_that_were_not_counted_here(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.new("L", (8, 8), 255).save(tmp_path / folder / "a.png")
    command = [sys.executable, str(ROOT / "benchmarks" / "results.py")]
    command += ["-o", str(tmp_path / "page.md"), "--clicks", "x", str(tmp_path)]
    command += ["--set", "one", str(tmp_path / "images"), str(tmp_path / "masks")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1 and "results.json" in ended.stderr, ended.stderr
    assert not (tmp_path / "page.md").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_page_says_what_is_measured_and_what_is_published(
    astronaut: Photo, chelsea: Photo, gravel: Photo, tmp_path: Path
) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for name, photo in (("a", astronaut[::2, ::2]), ("b", chelsea[::2, ::2])):
        Image.fromarray(photo).save(tmp_path / "images" / f"{name}.png")
        mask = np.zeros(photo.shape[:2], dtype=np.uint8)
        mask[20:, 40:160] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    page = tmp_path / "results.md"
    folders = map(str, (tmp_path / "images", tmp_path / "masks"))
    (tmp_path / "none").mkdir()
    Image.fromarray(gravel[::4, ::4]).save(tmp_path / "none" / "gravel.png")
    guest = bright_guest(tmp_path / "u2netp.onnx")
    command = [sys.executable, str(ROOT / "benchmarks" / "results.py"), "-o", str(page)]
    command += ["--none", "stones", str(tmp_path / "none"), "--guest", f"Bright={guest}"]
    folders = list(folders)
    counted = tmp_path / "clicks"
    evaluate = [sys.executable, str(ROOT / "tools" / "evaluate.py"), "clicks", *folders]
    evaluate += ["--segmenter", "grabcut", "-o", str(counted)]
    subprocess.run(evaluate, check=True, timeout=300)
    command += ["--clicks", "Squares", str(counted)]
    subprocess.run([*command, "--set", "ECSSD of two", *folders], check=True, timeout=300)
    text = page.read_text(encoding="utf-8")
    rows = {line.split(" | ")[0][2:]: line for line in text.splitlines() if line.startswith("| ")}
    assert {"GrabCut from a centred box", "spectral residual", "largest instance"} <= rows.keys()
    assert {"Bright, its map alone", "Bright as our eye"} <= rows.keys()
    assert "2, measured" in rows["**bundled model**"]
    assert "| size of the subject |" not in text  # both are large, so there is nothing to compare
    assert "| kind of subject | person | 1 |" in text and text.count("| kind of subject |") == 2
    (stones,) = (line for line in text.splitlines() if line.startswith("| stones: no subject"))
    assert stones.endswith("| 1 | 1 |")
    assert hashlib.sha256(guest.read_bytes()).hexdigest() in text
    published = [line for line in text.splitlines() if "| 1000, *published* |" in line]
    assert len(published) == 2 and "NoC@90" in text
    summary = json.loads((counted / "results.json").read_text(encoding="utf-8"))["summary"]
    assert "### Squares" in text and "--clicks Squares FOLDER" in text.replace("'", "")
    needed = f"{summary['noc_85']:.2f} | {summary['noc_90']:.2f}"
    assert any("GrabCut" in line and needed in line for line in text.splitlines())
    assert str(tmp_path) not in text and "--set 'ECSSD of two' IMAGES MASKS" in text
