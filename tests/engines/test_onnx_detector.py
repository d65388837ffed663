"""Exported detectors in ONNX Runtime against the torchvision engine, on real photos."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from agreement import agreement, agrees, of_arrays, of_instances
from calibrated import calibrated
from detectron2_reference import stored
from exported_networks import export, red_guest, small_weights
from numpy.typing import NDArray
from PIL import Image
from small_networks import NETWORKS, write_weights

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.config.exported import read_metadata
from vx_detectron.engines import build_detector, engine_name
from vx_detectron.engines.onnx_detector import OnnxDetector
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import CheckpointError, ConfigError, EngineError
from vx_detectron.weights import catalog

Photo = NDArray[np.uint8]
R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def source(folder: Path) -> CfgNode:
    return small_weights("fbnet", folder)


@pytest.fixture(scope="module")
def file(source: CfgNode, folder: Path) -> Path:
    export(source, folder / "fbnet.onnx")
    return folder / "fbnet.onnx"


@pytest.fixture(scope="module")
def engine(file: Path) -> OnnxDetector:
    return OnnxDetector(load_cfg(file))


def test_finds_what_detectron2_finds(engine: OnnxDetector, chelsea: Photo) -> None:
    found = agreement(
        of_instances(engine.predict(chelsea)), of_arrays(stored("network_fbnet"), chelsea.shape[1])
    )
    assert found.count >= 5
    assert agrees(found), found


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "fbnet"])
def test_every_kind_of_network_finds_what_detectron2_finds(
    tmp_path: Path, chelsea: Photo, name: str
) -> None:
    exported = OnnxDetector(export(small_weights(name, tmp_path), tmp_path / "model.onnx"))
    found = agreement(
        of_instances(exported.predict(chelsea)),
        of_arrays(stored(f"network_{name}"), chelsea.shape[1]),
    )
    assert found.count >= 5
    assert agrees(found), found


def test_agrees_with_torchvision_on_photos_of_other_shapes(
    engine: OnnxDetector, source: CfgNode, astronaut: Photo, coffee: Photo, rocket: Photo
) -> None:
    other = TorchvisionEngine(source)
    for photo in (astronaut, coffee, rocket, rocket.transpose(1, 0, 2), coffee[:, :90]):
        found = agreement(of_instances(engine.predict(photo)), of_instances(other.predict(photo)))
        assert agrees(found), found


@pytest.mark.slow
def test_a_full_size_network_agrees(
    tmp_path: Path, astronaut: Photo, chelsea: Photo, coffee: Photo, rocket: Photo
) -> None:
    photos = [astronaut, chelsea, coffee, rocket]
    model = calibrated(load_cfg(R50, ["INPUT.MIN_SIZE_TEST", "400"]), photos[:3])
    weights = write_weights(model, tmp_path / "r50.pth")
    cfg = load_cfg(R50, ["MODEL.WEIGHTS", weights, "MODEL.DEVICE", "cpu"])
    exported = OnnxDetector(export(cfg, tmp_path / "r50.onnx"))
    own = TorchvisionEngine(cfg)
    for photo in photos:
        found = agreement(of_instances(exported.predict(photo)), of_instances(own.predict(photo)))
        assert found.count >= 3
        assert agrees(found), found


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (7, 5)])
def test_a_tiny_photo_or_a_strip_is_a_photo(engine: OnnxDetector, size: tuple[int, int]) -> None:
    found = engine.predict(np.full((*size, 3), 128, dtype=np.uint8))
    assert found.image_size == size
    assert len(found) == 0 or found.boxes[:, 2].max() <= size[1]


def test_what_selects_among_the_boxes_can_still_be_changed(
    file: Path, source: CfgNode, chelsea: Photo
) -> None:
    for key, value in [
        ("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.8"),
        ("MODEL.ROI_HEADS.NMS_THRESH_TEST", "0.1"),
        ("MODEL.RPN.POST_NMS_TOPK_TEST", "7"),
        ("MODEL.RPN.PRE_NMS_TOPK_TEST", "40"),
        ("MODEL.RPN.NMS_THRESH", "0.4"),
        ("TEST.DETECTIONS_PER_IMAGE", "2"),
        ("TEST.DETECTIONS_PER_IMAGE", "-1"),
        ("INPUT.MIN_SIZE_TEST", "200"),
    ]:
        other = source.clone()
        other.defrost()
        other.merge_from_list([key, value])
        found = of_instances(OnnxDetector(load_cfg(file, [key, value])).predict(chelsea))
        expected = of_instances(TorchvisionEngine(other).predict(chelsea))
        assert agrees(agreement(found, expected)), key


def test_finding_nothing_is_an_answer(file: Path, chelsea: Photo) -> None:
    cfg = load_cfg(file, ["MODEL.ROI_HEADS.SCORE_THRESH_TEST", "1.0"])
    found = OnnxDetector(cfg).predict(chelsea)
    assert len(found) == 0
    assert found.mask_grids.shape == (0, 28, 28)


def test_says_what_it_is(engine: OnnxDetector, file: Path) -> None:
    assert (engine.name, engine.device, engine.weights) == ("onnx", "cpu", str(file))
    assert engine.class_names == ("ant", "bee", "cat", "dog")
    assert engine.weights_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_file_says_what_it_is(file: Path, source: CfgNode) -> None:
    said = read_metadata(file)
    assert said == {one.key: one.value for one in onnx.load(file).metadata_props}
    assert json.loads(said["vx.class_names"]) == ["ant", "bee", "cat", "dog"]
    content = Path(source.MODEL.WEIGHTS).read_bytes()
    assert said["vx.weights_sha256"] == hashlib.sha256(content).hexdigest()
    assert said["vx.weights"] == "fbnet.pth"
    assert said["vx.license"] == "unknown"
    assert str(file.parent) not in "".join(said.values())
    assert [one.version for one in onnx.load(file).opset_import if one.domain == ""] == [18]


def test_the_configuration_comes_back_out_of_the_file(file: Path, source: CfgNode) -> None:
    inside = load_cfg(file)
    assert str(file) == inside.MODEL.WEIGHTS
    for node in ("RPN", "ROI_HEADS", "ROI_MASK_HEAD", "ANCHOR_GENERATOR"):
        assert inside.MODEL[node] == source.MODEL[node]
    assert inside.INPUT == source.INPUT


def test_a_key_that_was_exported_with_another_value_is_named(file: Path) -> None:
    cfg = load_cfg(file, ["MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION", "7", "INPUT.FORMAT", "RGB"])
    with pytest.raises(ConfigError) as error:
        OnnxDetector(cfg)
    text = str(error.value)
    assert "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION: exported with 6, got 7" in text
    assert "INPUT.FORMAT: exported with 'BGR', got 'RGB'" in text
    assert "--config-file" in text


def test_auto_takes_onnx_for_an_exported_file(file: Path) -> None:
    assert build_detector(load_cfg(file)).name == "onnx"


def test_auto_leaves_other_weights_to_the_others(source: CfgNode) -> None:
    assert engine_name(source) in ("detectron2", "torchvision")


def test_other_weights_are_refused_by_name(source: CfgNode) -> None:
    cfg = source.clone()
    cfg.defrost()
    cfg.VX.ENGINE = "onnx"
    with pytest.raises(ConfigError, match=r"fbnet\.pth'; write one with `vx export"):
        build_detector(cfg)


def test_a_missing_onnx_runtime_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineError, match="pip install onnxruntime"):
        OnnxDetector(load_cfg(file))


def test_a_damaged_file_is_refused(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[2000:6000] = b"\xff" * 4000
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(content)
    with pytest.raises((CheckpointError, ConfigError), match=r"damaged\.onnx"):
        OnnxDetector(load_cfg(damaged))


def test_only_a_photo_is_taken(engine: OnnxDetector) -> None:
    with pytest.raises(ValueError, match="must be uint8 of shape HxWx3"):
        engine.predict(np.zeros((8, 8, 3)))  # type: ignore[arg-type]


def test_a_whole_cut_loads_no_torch(file: Path, tmp_path: Path, astronaut: Photo) -> None:
    Image.fromarray(astronaut).save(tmp_path / "photo.png")
    eye = red_guest(tmp_path / "u2net.onnx")
    code = f"""
import json, sys
from vx_detectron.config import load_cfg
from vx_detectron.image_io import read_photo
from vx_detectron.pipeline import Isolator
cfg = load_cfg({str(file)!r}, ["VX.SUBJECT.MIN_SCORE", "0.0", "VX.EYE.NAME", {str(eye)!r}])
isolator = Isolator(cfg)
cutout = isolator.isolate(read_photo({str(tmp_path / "photo.png")!r}).pixels)
heavy = [m for m in ("torch", "torchvision", "detectron2", "scipy", "skimage", "onnx", "pandas")
         if m in sys.modules]
print(json.dumps([float(cutout.alpha.max()), isolator.detector.name, isolator.eye.engine, heavy]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == [1.0, "onnx", "onnx", []]


def test_bundled_onnx_files_were_made_from_the_weights_beside_them() -> None:
    for name in catalog.bundled():
        if name.endswith(".onnx"):
            said = read_metadata(catalog.resolve(f"bundled://{name}"))
            source = catalog.resolve(f"bundled://{said['vx.weights']}")
            assert source.stem == name.removesuffix(".onnx")
            assert said["vx.weights_sha256"] == catalog.sha256_of(source), name
