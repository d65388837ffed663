"""Eyes in ONNX Runtime: a network of ours through torch's exporter, and guests by their name."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.config import load_cfg
from vx_detectron.config.exported import read_metadata
from vx_detectron.engines.eye_input import GUESTS, EyeInput, guest, mean_of_looks
from vx_detectron.engines.onnx_eye import OnnxEye
from vx_detectron.errors import CheckpointError
from vx_detectron.export.eye import export_eye

Photo = NDArray[np.uint8]
CPU = load_cfg(None, ["MODEL.DEVICE", "cpu"])


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
    model = export_eye(network, EyeInput(96, 160), weights="small.pth", sha256="0" * 64)
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
    eye = OnnxEye(str(path), CPU)
    assert (eye.name, eye.device, eye.input) == ("onnx", "cpu", EyeInput(96, 160))
    for photo in (chelsea, chelsea.transpose(1, 0, 2), chelsea[:40]):
        prepared = eye.input.prepare(photo)
        with torch.no_grad():
            expected = network(torch.from_numpy(prepared))[0].sigmoid()[0, 0].numpy()
        found = eye.look(photo)
        assert found.dtype == np.float32
        assert found.shape == (prepared.shape[2] // 2, prepared.shape[3] // 2)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_mirrored_look_is_turned_back(exported: tuple[SmallEye, Path], chelsea: Photo) -> None:
    _, path = exported
    both = OnnxEye(str(path), CPU, mirrored_sizes=(96,))
    one = OnnxEye(str(path), CPU)
    first, mirrored = one.look(chelsea), one.look(chelsea[:, ::-1])[:, ::-1]
    odds = [np.log(look / (1 - look)).clip(-7, 7) for look in (first, mirrored)]
    expected = 1 / (1 + np.exp(-(odds[0] + odds[1]) / 2))
    np.testing.assert_allclose(both.look(chelsea), expected, atol=1e-4)


def test_the_file_says_what_it_wants(exported: tuple[SmallEye, Path]) -> None:
    said = read_metadata(exported[1])
    assert said["vx.kind"] == "eye"
    assert EyeInput.from_text(said["vx.input"]) == EyeInput(96, 160)


def test_sides_are_multiples_and_the_photo_is_normalised() -> None:
    row = EyeInput(64, 128, mean=(0.5, 0.0, 0.0), std=(0.5, 1.0, 2.0))
    photo = np.zeros((100, 210, 3), dtype=np.uint8)
    photo[:] = (255, 51, 102)
    prepared = row.prepare(photo)
    assert prepared.shape == (1, 3, 64, 128)  # 64 x 134, held to 128
    np.testing.assert_allclose(prepared[0, :, 5, 5], [1.0, 0.2, 0.2], atol=1e-6)
    assert row.prepare(np.zeros((1, 900, 3), dtype=np.uint8)).shape == (1, 3, 32, 128)


def test_a_guest_is_known_by_its_name(tmp_path: Path, chelsea: Photo) -> None:
    path = constant_guest(tmp_path / "u2netp.onnx", "d0", """
        channel = Constant <value_int = 0> () plane = Gather <axis = 1> (photo, channel)
        axis = Constant <value_ints = [1]> () d0 = Unsqueeze (plane, axis)""")  # fmt: skip
    found = OnnxEye(str(path), CPU).look(chelsea)
    assert found.shape == (320, 320)
    assert (found.min(), found.max()) == (0.0, 1.0)
    red = GUESTS["u2net"].prepare(chelsea)[0, 0]
    np.testing.assert_allclose(found, (red - red.min()) / (red.max() - red.min()), atol=1e-6)


def test_a_guest_that_sees_nothing_marks_nothing(tmp_path: Path, chelsea: Photo) -> None:
    path = constant_guest(tmp_path / "silueta.onnx", "d0", """
        zero = Constant <value_float = 0.0> () none = Mul (photo, zero)
        axis = Constant <value_ints = [1]> () d0 = ReduceMax (none, axis)""")  # fmt: skip
    assert not OnnxEye(str(path), CPU).look(chelsea).any()


@pytest.mark.parametrize(
    ("name", "side", "output"),
    [
        ("u2net_human_seg.onnx", 320, "stretched"),
        ("isnet-general-use.onnx", 1024, "stretched"),
        ("BiRefNet-general-epoch_244.onnx", 1024, "logit"),
    ],
)
def test_the_table_of_guests(name: str, side: int, output: str) -> None:
    row = guest(name)
    assert row is not None
    assert (row.size(300, 400), row.output) == ((side, side), output)


def test_a_stranger_is_refused_by_name(tmp_path: Path) -> None:
    path = constant_guest(tmp_path / "mine.onnx", "d0", """
        axis = Constant <value_ints = [1]> () d0 = ReduceMax (photo, axis)""")  # fmt: skip
    with pytest.raises(CheckpointError, match=r"mine\.onnx does not say how it wants its photo"):
        OnnxEye(str(path), CPU)
    row = EyeInput(320, 320, square=True, multiple=1, output="probability")
    assert OnnxEye(str(path), CPU, row).input == row
    with pytest.raises(CheckpointError, match=r"shape \[1, 3, 320, 320\], expected"):
        OnnxEye(str(path), CPU, EyeInput(256, 256, square=True))


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"shortest": "big"}', '{"std": [0, 1, 1]}', '{"colour": 1}']
)
def test_metadata_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError, match="metadata of this eye"):
        EyeInput.from_text(text)


def test_the_mean_of_looks_is_taken_in_log_odds_and_no_look_outvotes_all() -> None:
    sure, unsure = np.full((4, 4), 1.0, np.float32), np.full((2, 2), 0.1, np.float32)
    expected = 1 / (1 + math.exp(-(7.0 + math.log(0.1 / 0.9)) / 2))
    np.testing.assert_allclose(mean_of_looks([sure, unsure]), expected, atol=1e-4)
    assert mean_of_looks([sure]) is sure
