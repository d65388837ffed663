"""Networks in 16 and 8 bits: smaller, still ONNX, and near what they were made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto
from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.config.exported import read_metadata
from vx_detectron.engines.eye_input import EyeInput
from vx_detectron.engines.looks import resize_photo
from vx_detectron.export.eye import export_eye
from vx_detectron.export.precision import to_float16, to_int8
from vx_detectron.export.run import save

Photo = NDArray[np.uint8]
ROW = EyeInput(multiple=8)


class Bumps(nn.Module):
    """Two convolutions; what it draws is smooth, so that 8 bits can hold it."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.one, self.two = nn.Conv2d(3, 32, 5, 2, 2), nn.Conv2d(32, 1, 5, 1, 2)
        for value in self.parameters():
            nn.init.normal_(value, 0.0, 0.08, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.two(F.relu(self.one(x)))
        return found


@pytest.fixture(scope="module")
def model() -> ModelProto:
    return export_eye(Bumps().eval(), ROW, weights="bumps.pth", sha256="1" * 64)


def inputs(*photos: Photo) -> Iterator[dict[str, NDArray[np.float32]]]:
    for photo in photos:
        yield {"photo": ROW.prepare(resize_photo(photo, (96, 128)))}


def answer(model: ModelProto, path: Path, photo: Photo) -> NDArray[np.float32]:
    save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, next(inputs(photo)))
    return np.asarray(found, dtype=np.float32)


def weights_of(model: ModelProto, kind: int) -> int:
    """How many numbers are stored as this type."""
    return sum(int(np.prod(one.dims)) for one in model.graph.initializer if one.data_type == kind)


def test_16_bits(model: ModelProto, tmp_path: Path, chelsea: Photo) -> None:
    before = model.SerializeToString()
    half = to_float16(model)
    assert model.SerializeToString() == before
    assert weights_of(half, TensorProto.FLOAT16) >= 5 * 5 * 3 * 32
    found = answer(half, tmp_path / "half.onnx", chelsea)
    np.testing.assert_allclose(found, answer(model, tmp_path / "f.onnx", chelsea), atol=5e-3)
    said = read_metadata(tmp_path / "half.onnx")
    assert (said["vx.precision"], said["vx.weights"]) == ("float16", "bumps.pth")


def test_8_bits(model: ModelProto, tmp_path: Path, chelsea: Photo, coffee: Photo) -> None:
    before = model.SerializeToString()
    small = to_int8(model, inputs(chelsea, coffee))
    assert model.SerializeToString() == before
    assert weights_of(small, TensorProto.INT8) >= 5 * 5 * 3 * 32
    exact = answer(model, tmp_path / "f.onnx", chelsea)
    found = answer(small, tmp_path / "small.onnx", chelsea)
    assert np.abs(found - exact).mean() < 0.02 * (exact.max() - exact.min())
    said = read_metadata(tmp_path / "small.onnx")
    assert (said["vx.precision"], said["vx.weights_sha256"]) == ("int8", "1" * 64)
    onnx.checker.check_model(small)
