"""A server whose eye is another project's network: the same API and page; the record says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from web_photos import pixels_of, upload

from web import create_app


def test_a_guest_sees_for_the_server(tmp_path: Path) -> None:
    """A network of a stranger that marks the middle, as U²-Net-p is fed."""
    text = """<ir_version: 8, opset_import: ["": 18]>
    guest (float[1, 3, 320, 320] photo) => (float[1, 1, 320, 320] d0)
        <float[1, 1, 320, 320] middle> {
        axis = Constant <value_ints = [1]> () grey = ReduceMean (photo, axis)
        zero = Constant <value_float = 0.0> () none = Mul (grey, zero) d0 = Add (none, middle)
    }"""
    middle = np.zeros((1, 1, 320, 320), dtype=np.float32)
    middle[..., 80:240, 80:240] = 1
    model = onnx.parser.parse_model(text.replace("<float[1, 1, 320, 320] middle>", ""))
    model.graph.initializer.append(onnx.numpy_helper.from_array(middle, "middle"))
    onnx.save(model, tmp_path / "u2netp.onnx")
    options = ["VX.EYE.NAME", str(tmp_path / "u2netp.onnx"), "MODEL.DEVICE", "cpu"]
    client = create_app({"RATE_LIMIT": "", "OPTS": options}).test_client()
    data = {"image": upload("gravel.png"), "format": "json"}
    record = client.post("/api/v1/isolate", data=data).get_json()
    assert record["provenance"]["eye"] == str(tmp_path / "u2netp.onnx")
    assert record["provenance"]["eye_engine"] == "onnx"
    form = {"image": upload("gravel.png"), "background": "white", "format": "png"}
    answer = client.post("/cutout", data=form, headers={"Origin": "http://localhost"})
    pixels = pixels_of(answer.data)
    height, width = pixels.shape[:2]
    kept = ~(pixels == 255).all(axis=2)
    inner = kept[height // 3 : -height // 3, width // 3 : -width // 3]
    assert inner.mean() > 0.95 and kept[: height // 8].mean() < 0.05


def test_a_server_with_an_eye_that_nobody_knows_does_not_start() -> None:
    command = [sys.executable, "-m", "web", "--port", "0", "--eye", "u2nett"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1 and "Error: VX.EYE.NAME must be vx_eye" in ended.stderr
