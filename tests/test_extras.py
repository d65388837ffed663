"""What is not installed is named, with the extra that brings it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vx_detectron.errors import ConfigError
from vx_detectron.extras import needed

ROOT = Path(__file__).resolve().parents[1]

# SciPy and scikit-image as if they were not installed.
WITHOUT = "import sys; sys.modules['scipy'] = sys.modules['skimage'] = None; "


def test_a_module_that_is_there() -> None:
    assert needed("json.decoder", "x", "this").__name__ == "json.decoder"


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"counting needs nowhere, .*\[sums\]"):
        needed("nowhere.at_all", "sums", "counting")


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_cutting_needs_neither_scipy_nor_scikit_image() -> None:
    code = """
import numpy as np
from vx_detectron.refine import RefineOptions, refine
image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
mask = np.zeros((60, 80), np.float32); mask[20:40, 20:60] = 1
_, steps = refine(image, mask, cell=4.0, options=RefineOptions(matting=True))
import vx_detectron.pipeline, vx_detectron.deliver.layers, vx_detectron.cli.isolate.batch
print(steps[-1])
"""
    ran = python(code)
    assert ran.stdout.strip() == "closed-form matting", ran.stderr


def test_evaluating_without_scipy_says_what_to_install(tmp_path: Path) -> None:
    code = f"""
from vx_detectron.cli.evaluate import main
main(["masks", {str(tmp_path)!r}, {str(tmp_path)!r}])
"""
    ran = python(code)
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert 'pip install "vx-detectron[evaluate]"' in ran.stderr
