"""ONNX Runtime tells nobody that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vx_detectron.weights.catalog import resolve

TELL = "import os, vx_detectron; print(os.environ['ORT_DISABLE_TELEMETRY'])"
OPEN = """
import sys
import vx_detectron
import onnxruntime
onnxruntime.InferenceSession(sys.argv[1])
"""


def test_no_session_of_its_telemetry_begins(tmp_path: Path) -> None:
    # Where it may report, it begins with a file .ses in the folder for temporary files.
    environment = {**os.environ}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    command = [sys.executable, "-c", OPEN, str(resolve("bundled://vx_hints.onnx"))]
    subprocess.run(command, env={**environment, "TMPDIR": str(tmp_path)}, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []


def test_who_wants_to_report_may() -> None:
    said = subprocess.run(
        [sys.executable, "-c", TELL],
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "0"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert said.stdout.strip() == "0"
