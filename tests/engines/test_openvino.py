"""OpenVINO behind the seam: chosen by a key, named in the result, refused where it cannot run."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from agreement import agreement, agrees, of_instances
from exported_networks import export, red_guest, small_weights
from numpy.typing import NDArray

from vx_detectron.config import load_cfg
from vx_detectron.engines import build_detector, build_eye, sessions
from vx_detectron.errors import CheckpointError, ConfigError, EngineError

Photo = NDArray[np.uint8]

USE = ("VX.ONNX.RUNTIME", "openvino", "MODEL.DEVICE", "cpu")


# --- what is asked for, with or without OpenVINO -------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ((), "onnxruntime"),
        (("VX.ONNX.RUNTIME", "onnxruntime"), "onnxruntime"),
        (("VX.ONNX.RUNTIME", "openvino"), "openvino"),
        (("VX.ONNX.PRECISION", "bfloat16"), "openvino"),
    ],
)
def test_which_runtime_is_meant(keys: tuple[str, ...], wanted: str) -> None:
    assert sessions.runtime_name(load_cfg(None, keys)) == wanted


def test_keys_that_contradict_each_other() -> None:
    exact = load_cfg(None, ["VX.ONNX.RUNTIME", "onnxruntime", "VX.ONNX.PRECISION", "bfloat16"])
    with pytest.raises(EngineError, match=r"set VX\.ONNX\.RUNTIME to openvino"):
        build_detector(exact)
    both = load_cfg(None, ["VX.ONNX.RUNTIME", "openvino", "VX.ONNX.PROVIDERS", "('CPU',)"])
    with pytest.raises(EngineError, match="leave one out"):
        build_detector(both)
    with pytest.raises(ConfigError, match=r"VX\.ONNX\.RUNTIME"):
        load_cfg(None, ["VX.ONNX.RUNTIME", "tensorrt"])


def test_a_missing_openvino_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    path = red_guest(tmp_path / "u2net.onnx")
    with pytest.raises(EngineError, match=r"vx-detectron\[openvino\]"):
        build_eye(load_cfg(None, [*USE, "VX.EYE.NAME", str(path)]))


# --- with OpenVINO -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("openvino")
    folder = tmp_path_factory.mktemp("openvino")
    export(small_weights("fbnet", folder), folder / "fbnet.onnx")
    return folder / "fbnet.onnx"


def test_finds_what_onnx_runtime_finds(file: Path, chelsea: Photo, coffee: Photo) -> None:
    own, other = build_detector(load_cfg(file, USE)), build_detector(load_cfg(file))
    assert (own.name, own.device, other.name) == ("openvino", "cpu", "onnx")
    for photo in (chelsea, coffee, chelsea[:100, :90]):
        found = agreement(of_instances(own.predict(photo)), of_instances(other.predict(photo)))
        assert agrees(found), found


def test_several_threads_do_not_disturb_each_other(file: Path, chelsea: Photo) -> None:
    detector = build_detector(load_cfg(file, USE))
    photos = [chelsea[: 200 + 10 * number] for number in range(6)]
    alone = [detector.predict(photo) for photo in photos]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(detector.predict, photos * 3))
    for one, other in zip(alone * 3, together, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.mask_grids, other.mask_grids)


def test_thresholds_are_those_of_the_file(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"SCORE_THRESH_TEST: exported with .*, got 0\.77"):
        build_detector(load_cfg(file, [*USE, "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.77"]))


def test_a_guest_sees_the_same(tmp_path: Path, chelsea: Photo) -> None:
    pytest.importorskip("openvino")
    path = str(red_guest(tmp_path / "u2net.onnx"))
    own = build_eye(load_cfg(None, [*USE, "VX.EYE.NAME", path]))
    other = build_eye(load_cfg(None, ["VX.EYE.NAME", path]))
    assert own is not None and other is not None
    assert (own.engine, other.engine) == ("openvino", "onnx")
    np.testing.assert_allclose(own.look(chelsea), other.look(chelsea), atol=1e-3)


def test_what_it_cannot_run_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "u2net.onnx").write_bytes(red_guest(tmp_path / "red.onnx").read_bytes()[:-20])
    with pytest.raises(CheckpointError, match=r"u2net\.onnx"):
        build_eye(load_cfg(None, [*USE, "VX.EYE.NAME", str(tmp_path / "u2net.onnx")]))
    path = str(red_guest(tmp_path / "u2net.onnx"))
    with pytest.raises(EngineError, match="use --device cpu"):
        build_eye(load_cfg(None, [*USE, "VX.EYE.NAME", path, "MODEL.DEVICE", "cuda"]))
