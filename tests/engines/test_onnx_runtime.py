"""Which of ONNX Runtime's execution providers a configuration means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx.parser
import pytest

from vx_detectron.config import load_cfg
from vx_detectron.engines.onnx_runtime import Session, available_providers, choose_providers
from vx_detectron.errors import CheckpointError, EngineError

GPU = ("TensorRT", "CUDA", "CPU")


def names(device: str, wanted: tuple[str, ...], available: tuple[str, ...]) -> list[str]:
    return [name for name, _ in choose_providers(device, wanted, available)]


@pytest.mark.parametrize(
    ("device", "wanted", "available", "expected"),
    [
        ("auto", (), ("CPU",), "CPU"),
        ("auto", (), GPU, "CUDA"),
        ("auto", (), ("Dml", "CPU"), "Dml"),
        ("auto", (), ("CoreML", "CPU"), "CPU"),
        ("cpu", (), GPU, "CPU"),
        ("cuda:1", (), GPU, "CUDA"),
        ("cpu", ("tensorrt",), GPU, "TensorRT"),
        ("auto", ("DirectML",), ("Dml", "CPU"), "Dml"),
        ("auto", ("OpenVINOExecutionProvider",), ("OpenVINO", "CPU"), "OpenVINO"),
    ],
)
def test_the_first_choice(
    device: str, wanted: tuple[str, ...], available: tuple[str, ...], expected: str
) -> None:
    assert names(device, wanted, available)[0] == f"{expected}ExecutionProvider"


def test_the_number_of_the_gpu_is_passed_on() -> None:
    assert choose_providers("cuda:3", (), GPU) == [("CUDAExecutionProvider", {"device_id": "3"})]


@pytest.mark.parametrize(
    ("device", "wanted", "message"),
    [
        ("cuda", (), "has only CPU; use --device auto or cpu, or install onnxruntime-gpu"),
        ("mps", (), "must be auto, cpu, cuda or cuda:N, got 'mps'"),
        ("auto", ("CUDA", "CPU"), "asks for CUDA, but the installed ONNX Runtime has only CPU"),
    ],
)
def test_what_is_not_there_is_an_error(device: str, wanted: tuple[str, ...], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        choose_providers(device, wanted, ("CPU",))


@pytest.fixture
def double(tmp_path: Path) -> Path:
    """A network that doubles what it is given."""
    graph = "double (float[n, 3] x) => (float[n, 3] y) { y = Add (x, x) }"
    text = f'<ir_version: 8, opset_import: ["": 18]> {graph}'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "double.onnx")
    return tmp_path / "double.onnx"


def test_runs_and_says_what_it_takes(double: Path) -> None:
    session = Session(double, load_cfg(None, ["MODEL.DEVICE", "cpu", "VX.ONNX.THREADS", "1"]))
    (found,) = session.run({"x": np.float32([[1, 2, 3]])})
    assert found.tolist() == [[2, 4, 6]]
    assert (session.device, session.inputs, session.outputs) == ("cpu", {"x": ["n", 3]}, ("y",))
    assert "CPU" in available_providers()


def test_a_value_of_the_wrong_shape_is_an_error(double: Path) -> None:
    session = Session(double, load_cfg(None, ["MODEL.DEVICE", "cpu"]))
    with pytest.raises(EngineError, match="ONNX Runtime failed"):
        session.run({"x": np.float32([[1, 2]])})


def test_what_is_not_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(CheckpointError, match=r"text\.onnx is not a network that ONNX Runtime"):
        Session(path, load_cfg(None, ["MODEL.DEVICE", "cpu"]))
