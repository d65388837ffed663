"""Eyes in ONNX Runtime: a network of ours through torch's exporter, and guests by their name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import torch
from exported_networks import red_guest
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.config.exported import read_metadata
from vx_detectron.engines import build_eye, looks
from vx_detectron.engines.eye_input import EyeInput
from vx_detectron.engines.onnx_eye import OnnxEye
from vx_detectron.errors import CheckpointError
from vx_detectron.export.eye import export_eye
from vx_detectron.export.metadata import stamp

Photo = NDArray[np.uint8]


def eye_cfg(path: Path, *overrides: str) -> CfgNode:
    return load_cfg(None, ["MODEL.DEVICE", "cpu", "VX.EYE.NAME", str(path), *overrides])


class SmallEye(nn.Module):
    """Down, a mean over the photo, up again: what an eye's network is made of."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.down = nn.Conv2d(3, 8, 3, 2, 1)
        self.deep = nn.Conv2d(8, 8, 3, 2, 1)
        self.head = nn.Conv2d(8, 1, 1)
        for value in self.parameters():
            nn.init.normal_(value, 0.0, 0.5, generator=generator)

    def forward(self, x: Tensor) -> list[Tensor]:
        fine = F.relu6(self.down(x))
        deep = F.relu(self.deep(fine))
        deep = deep + deep.mean((2, 3), keepdim=True)
        up = F.interpolate(deep, scale_factor=2.0, mode="bilinear", align_corners=False)
        return [self.head(fine + up), self.head(deep)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallEye, Path]:
    network = SmallEye().eval()
    model = export_eye(network, EyeInput(multiple=16), weights="small.pth", sha256="0" * 64)
    path = tmp_path_factory.mktemp("eye") / "small.onnx"
    onnx.save(model, path)
    return network, path


def constant_guest(path: Path, output: str, values: str) -> Path:
    """A guest that takes 320 x 320 and answers with something simple."""
    text = f"""<ir_version: 8, opset_import: ["": 18]>
    guest (float[1, 3, 320, 320] photo) => (float[1, 1, 320, 320] {output}) {{ {values} }}"""
    onnx.save(onnx.parser.parse_model(text), path)
    return path


def test_looks_as_torch_does(exported: tuple[SmallEye, Path], chelsea: Photo) -> None:
    network, path = exported
    eye = build_eye(eye_cfg(path, "VX.EYE.SIZES", "(96,)", "VX.EYE.ZOOM", "False"))
    assert eye is not None
    assert (eye.name, eye.engine, eye.device, eye.weights) == (str(path), "onnx", "cpu", str(path))
    for photo in (chelsea, chelsea.transpose(1, 0, 2), chelsea[:40]):

        def run(seen: Photo) -> NDArray[np.float32]:
            batch = torch.from_numpy(seen.astype(np.float32).transpose(2, 0, 1)[None] / 255)
            with torch.no_grad():
                return np.asarray(network(batch)[0].sigmoid()[0, 0].numpy())

        expected = looks.look(run, photo, (96,), multiple=16)
        found = eye.look(photo)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_looks_as_often_as_it_is_told(exported: tuple[SmallEye, Path], chelsea: Photo) -> None:
    _, path = exported
    sizes = ("VX.EYE.ZOOM", "False", "VX.EYE.SIZES")
    both = OnnxEye(eye_cfg(path, *sizes, "(96, 96)")).look(chelsea)
    one = OnnxEye(eye_cfg(path, *sizes, "(96,)"))
    first, mirrored = one.look(chelsea), one.look(chelsea[:, ::-1])[:, ::-1]
    odds = [np.log(look / (1 - look)).clip(-7, 7) for look in (first, mirrored)]
    np.testing.assert_allclose(both, 1 / (1 + np.exp(-(odds[0] + odds[1]) / 2)), atol=1e-3)


def test_the_file_says_what_it_wants(exported: tuple[SmallEye, Path]) -> None:
    said = read_metadata(exported[1])
    assert said["vx.kind"] == "eye"
    assert EyeInput.from_text(said["vx.input"]) == EyeInput(multiple=16)


def test_the_photo_is_normalised() -> None:
    row = EyeInput(mean=(0.5, 0.0, 0.0), std=(0.5, 1.0, 2.0))
    photo = np.zeros((64, 96, 3), dtype=np.uint8)
    photo[:] = (200, 50, 100)
    prepared = row.prepare(photo)
    assert prepared.shape == (1, 3, 64, 96)
    expected = [(200 / 255 - 0.5) / 0.5, 50 / 255, 100 / 255 / 2]
    np.testing.assert_allclose(prepared[0, :, 5, 5], expected, atol=1e-6)
    by_brightest = EyeInput(brightest=True).prepare(photo)
    np.testing.assert_allclose(by_brightest[0, :, 5, 5], [1.0, 0.25, 0.5], atol=1e-6)


def test_a_guest_is_known_by_its_name(tmp_path: Path, chelsea: Photo) -> None:
    path = red_guest(tmp_path / "u2netp.onnx")
    found = OnnxEye(eye_cfg(path)).look(chelsea)
    assert found.shape == (320, 320)
    assert (found.min(), found.max()) == (0.0, 1.0)
    red = looks.resize_photo(chelsea, (320, 320))[:, :, 0].astype(np.float32)
    np.testing.assert_allclose(found, (red - red.min()) / (red.max() - red.min()), atol=1e-6)


def test_a_guest_that_sees_nothing_marks_nothing(tmp_path: Path, chelsea: Photo) -> None:
    path = constant_guest(tmp_path / "silueta.onnx", "d0", """
        zero = Constant <value_float = 0.0> () none = Mul (photo, zero)
        axis = Constant <value_ints = [1]> () d0 = ReduceMax (none, axis)""")  # fmt: skip
    assert not OnnxEye(eye_cfg(path)).look(chelsea).any()


def test_a_stranger_is_refused_by_name(tmp_path: Path) -> None:
    path = constant_guest(tmp_path / "mine.onnx", "d0", """
        axis = Constant <value_ints = [1]> () d0 = ReduceMax (photo, axis)""")  # fmt: skip
    with pytest.raises(CheckpointError, match=r"mine\.onnx does not say how it wants its photo"):
        OnnxEye(eye_cfg(path))
    row = EyeInput(320, output="probability")
    assert OnnxEye(eye_cfg(path), row).input == row
    with pytest.raises(CheckpointError, match=r"\[1, 3, 320, 320\], expected \(1, 3, 256, 256\)"):
        OnnxEye(eye_cfg(path), EyeInput(256))


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"side": "big"}', '{"std": [0, 1, 1]}', '{"colour": 1}']
)
def test_metadata_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="metadata of this eye"):
        EyeInput.from_text(text)


def test_a_detector_is_not_an_eye(tmp_path: Path) -> None:
    path = constant_guest(tmp_path / "u2net.onnx", "d0", """
        axis = Constant <value_ints = [1]> () d0 = ReduceMax (photo, axis)""")  # fmt: skip
    model = onnx.load(path)
    stamp(model, **{"vx.kind": "detector"})
    onnx.save(model, path)
    with pytest.raises(CheckpointError, match="is a detector, expected an eye"):
        OnnxEye(eye_cfg(path))


def test_an_eye_that_was_not_exported_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "eye.safetensors"
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"eye\.safetensors'; write one with `vx export"):
        build_eye(eye_cfg(path, "VX.ENGINE", "onnx"))
