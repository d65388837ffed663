"""OpenVINO IR: what ``vx export -o FILE.xml`` writes, says of itself, and runs as."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor, nn
from torch.nn import functional as F

from vx_detectron.cli.export import main
from vx_detectron.config import load_cfg
from vx_detectron.config.exported import read_metadata
from vx_detectron.engines import build_detector, build_eye
from vx_detectron.engines.eye_input import EyeInput
from vx_detectron.errors import CheckpointError, ConfigError, EngineError
from vx_detectron.export.eye import export_eye
from vx_detectron.export.ir import save_ir
from vx_detectron.ir_file import read_ir_metadata
from vx_detectron.weights.catalog import resolve

Photo = NDArray[np.uint8]


class Bumps(nn.Module):
    """One convolution, then bumps at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 8, 5, 2, 2)
        for value in self.parameters():
            nn.init.normal_(value, 0.0, 0.1, generator=torch.Generator().manual_seed(5))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.one(x)).mean(1, keepdim=True)


@pytest.fixture(scope="module")
def model() -> ModelProto:
    return export_eye(Bumps().eval(), EyeInput(multiple=8), weights="bumps.pth", sha256="1" * 64)


@pytest.fixture
def eye(model: ModelProto, tmp_path: Path) -> Path:
    pytest.importorskip("openvino")
    save_ir(model, tmp_path / "eye.xml")
    return tmp_path / "eye.xml"


def use(path: Path, *keys: str) -> Sequence[str]:
    return ["VX.EYE.NAME", str(path), "MODEL.DEVICE", "cpu", *keys]


def test_it_says_of_itself_what_the_onnx_file_says(eye: Path, model: ModelProto) -> None:
    onnx.save(model, eye.with_suffix(".onnx"))
    assert sorted(path.name for path in eye.parent.iterdir()) == ["eye.bin", "eye.onnx", "eye.xml"]
    assert read_metadata(eye) == read_metadata(eye.with_suffix(".onnx"))


def test_it_sees_what_the_onnx_file_sees(eye: Path, model: ModelProto, chelsea: Photo) -> None:
    onnx.save(model, eye.with_suffix(".onnx"))
    own = build_eye(load_cfg(None, use(eye)))
    other = build_eye(load_cfg(None, use(eye.with_suffix(".onnx"))))
    assert own is not None and other is not None
    assert (own.engine, other.engine) == ("openvino", "onnx")
    seen = own.look(chelsea)
    assert seen.max() - seen.min() > 0.05
    np.testing.assert_allclose(seen, other.look(chelsea), atol=1e-3)


def test_float16_halves_the_weights(eye: Path, model: ModelProto) -> None:
    half = eye.with_name("half.xml")
    save_ir(model, half, half=True)
    assert read_metadata(half)["vx.precision"] == "float16"
    sizes = [path.with_suffix(".bin").stat().st_size for path in (half, eye)]
    assert sizes[0] < 0.6 * sizes[1]


def test_the_digest_is_that_of_both_files(eye: Path) -> None:
    made = build_eye(load_cfg(None, use(eye)))
    both = eye.read_bytes() + eye.with_suffix(".bin").read_bytes()
    assert made is not None and made.weights_sha256 == hashlib.sha256(both).hexdigest()


def test_the_weights_of_another_network_are_refused(eye: Path, model: ModelProto) -> None:
    other = eye.with_name("other.xml")
    save_ir(model, other, half=True)
    other.with_suffix(".bin").replace(eye.with_suffix(".bin"))
    with pytest.raises(CheckpointError, match=r"eye\.bin is damaged, or belongs to another"):
        build_eye(load_cfg(None, use(eye)))


def test_an_openvino_network_that_does_not_name_its_weights(eye: Path) -> None:
    text = eye.read_text(encoding="utf-8")
    named = re.compile(r"<vx_detectron>.*?</vx_detectron>", re.DOTALL)
    assert named.search(text)
    eye.write_text(named.sub("", text), encoding="utf-8")
    assert build_eye(load_cfg(None, use(eye))) is not None


def test_what_does_not_go_together_is_refused(eye: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match=r"eye\.xml is a file of OpenVINO's; set it to auto"):
        build_eye(load_cfg(None, use(eye, "VX.ONNX.RUNTIME", "onnxruntime")))
    with pytest.raises(EngineError, match=r"eye\.xml is for OpenVINO; leave one out"):
        build_eye(load_cfg(None, use(eye, "VX.ONNX.PROVIDERS", "('CPU',)")))
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EngineError, match=r"vx-detectron\[openvino\]"):
        build_eye(load_cfg(None, use(eye)))


@pytest.mark.parametrize("left", [None, 10])
def test_weights_that_are_missing_or_cut_off(eye: Path, left: int | None) -> None:
    numbers = eye.with_suffix(".bin")
    content = numbers.read_bytes()
    numbers.unlink()
    if left is not None:
        numbers.write_bytes(content[:left])
    with pytest.raises(CheckpointError, match=r"eye\.(xml needs its weights|bin is damaged)"):
        build_eye(load_cfg(None, use(eye)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no element found"),
        ("<net><layers></net>", "mismatched tag"),
        ("<html></html>", "'html', expected 'net'"),
        ('<!DOCTYPE net [<!ENTITY a "b">]><net>&a;</net>', "DOCTYPE"),
    ],
)
def test_what_is_no_openvino_network_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "other.xml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=f"other.xml is not an OpenVINO network.*{reason}"):
        read_metadata(path)


def test_only_the_metadata_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        '<net><layers><layer><rt_info><framework><no value="1"/></framework></rt_info></layer>'
        '</layers><rt_info><no value="1"/><framework><vx.kind value="&lt;eye&gt;"/></framework>'
        "</rt_info></net>"
    )
    assert read_ir_metadata(path) == {"vx.kind": "<eye>"}


# --- the command ---------------------------------------------------------------------------------


def test_openvino_is_asked_for_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    run = CliRunner().invoke(main, ["--eye", "-o", str(tmp_path / "eye.xml")])
    assert (run.exit_code, 'pip install "vx-detectron[openvino]"' in run.stderr) == (1, True)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "eye.bin").write_text("mine")
    run = CliRunner().invoke(main, ["--eye", "-o", str(tmp_path / "eye.xml")])
    assert run.exit_code == 2
    assert "eye.bin already exists; use --overwrite" in run.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_network_that_openvino_cannot_read_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    text = """<ir_version: 8, opset_import: ["": 18, "strange": 1]>
    g (float[n] x) => (float[n] y) { y = strange.Unknown(x) }"""
    with pytest.raises(ConfigError, match="cannot read this network"):
        save_ir(onnx.parser.parse_model(text), tmp_path / "g.xml")
    assert not list(tmp_path.iterdir())


def test_the_bundled_detector_as_its_own_configuration(tmp_path: Path, chelsea: Photo) -> None:
    """Made from the bundled ONNX, which is quicker than to export it once more."""
    pytest.importorskip("openvino")
    source = resolve("bundled://vx_fbnetv3a.onnx")
    path = tmp_path / "det.xml"
    save_ir(onnx.load(source), path)
    detector = build_detector(load_cfg(path, ["MODEL.DEVICE", "cpu"]))
    assert detector.name == "openvino"
    found, same = detector.predict(chelsea), build_detector(load_cfg(None)).predict(chelsea)
    assert [found.class_names[one] for one in found.classes] == ["cat"]
    np.testing.assert_allclose(found.boxes, same.boxes, atol=0.5)
    with pytest.raises(ConfigError, match=r"SCORE_THRESH_TEST: exported with 0\.3, got 0\.5"):
        build_detector(
            load_cfg(path, ["MODEL.DEVICE", "cpu", "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.5"])
        )


@pytest.mark.slow
def test_the_bundled_eye_is_written_and_compared(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    import skimage

    photo = shutil.copy(Path(skimage.__file__).parent / "data" / "chelsea.png", tmp_path)
    path = tmp_path / "eye.xml"
    run = CliRunner().invoke(main, ["--eye", "-o", str(path), "--check", str(photo)])
    assert run.exit_code == 0, run.stderr
    assert run.stdout == f"{path}\n"
    assert run.stderr.startswith(f"{photo}: map within ")
