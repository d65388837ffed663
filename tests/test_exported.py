"""Reading what an ONNX file says of itself, and refusing what is not one."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest

from vx_detectron.config import load_cfg
from vx_detectron.config.exported import (
    adjustable_inputs,
    fixed_differences,
    portable_text,
    read_metadata,
)
from vx_detectron.config.loading import get_cfg
from vx_detectron.errors import ConfigError

R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"


def write(path: Path, **metadata: str) -> Path:
    """A small network with this metadata."""
    text = (
        '<ir_version: 8, opset_import: ["": 18]> g (float[n] x) => (float[n] y) { y = Add(x, x) }'
    )
    model = onnx.parser.parse_model(text)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    return path


def test_metadata_is_what_onnx_reads(tmp_path: Path) -> None:
    said = {"vx.kind": "detector", "long": "é" * 5000, "empty": ""}
    assert read_metadata(write(tmp_path / "a.onnx", **said)) == said
    assert read_metadata(write(tmp_path / "b.onnx")) == {}


def test_a_file_cut_off_anywhere_is_an_error_or_still_tells_its_metadata(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.onnx", name="value").read_bytes()
    part = tmp_path / "part.onnx"
    outcomes = set()
    for length in range(1, len(whole)):
        part.write_bytes(whole[:length])
        try:
            outcomes.add(str(read_metadata(part)))
        except ConfigError as error:
            assert "part.onnx is not an ONNX file, or it is damaged" in str(error)
            outcomes.add("refused")
    assert outcomes <= {"refused", "{}"}
    assert "refused" in outcomes


@pytest.mark.parametrize("content", [b"not a network", b"\xff" * 64, b"PK\x03\x04" + b"\0" * 64])
def test_what_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"other\.onnx"):
        load_cfg(path)


def test_a_network_of_others_has_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not hold a detector that `vx export` wrote"):
        load_cfg(write(tmp_path / "u2net.onnx"))


@pytest.mark.parametrize("text", ["!!python/object:os.system x", "- a\n- b", "A: [", "WRONG: 1"])
def test_a_hostile_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "bad.onnx", **{"vx.kind": "detector", "vx.config": text})
    with pytest.raises(ConfigError, match=r"bad\.onnx"):
        load_cfg(path)


def test_the_portable_text_has_what_matters_and_no_paths(tmp_path: Path) -> None:
    keys = {
        "MODEL.WEIGHTS": "/home/me/secret.pth",
        "OUTPUT_DIR": "/home/me/out",
        "VX.DATA.IMAGE_ROOT": "/home/me/photos",
        "INPUT.MIN_SIZE_TEST": "640",
    }
    cfg = load_cfg(R50, [part for pair in keys.items() for part in pair])
    text = portable_text(cfg, get_cfg())
    assert "/home/me" not in text
    assert "SOLVER" not in text
    path = write(tmp_path / "r50.onnx", **{"vx.kind": "detector", "vx.config": text})
    again = load_cfg(path)
    assert fixed_differences(again, cfg) == []
    assert again.INPUT.MIN_SIZE_TEST == 640
    assert str(path) == again.MODEL.WEIGHTS


@pytest.mark.parametrize(
    ("key", "value", "differs"),
    [
        ("MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION", "9", True),
        ("MODEL.PIXEL_MEAN", "[1.0, 2.0, 3.0]", True),
        ("VX.CLASS_NAMES", str([f"c{n}" for n in range(80)]), True),
        ("INPUT.FORMAT", "RGB", True),
        ("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.7", False),
        ("TEST.DETECTIONS_PER_IMAGE", "5", False),
        ("MODEL.RPN.IOU_THRESHOLDS", "[0.2, 0.6]", False),
        ("MODEL.WEIGHTS", "other.pth", False),
        ("INPUT.MAX_SIZE_TEST", "999", False),
        ("VX.SUBJECT.MIN_SCORE", "0.5", False),
    ],
)
def test_which_keys_are_fixed_by_an_export(key: str, value: str, differs: bool) -> None:
    found = fixed_differences(load_cfg(R50, [key, value]), load_cfg(R50))
    assert found == ([key] if differs else [])


def test_all_detections_is_a_large_number() -> None:
    inputs = adjustable_inputs(load_cfg(R50, ["TEST.DETECTIONS_PER_IMAGE", "-1"]))
    assert inputs["detections"].tolist() == [2**31 - 1]
    assert (inputs["score_threshold"].dtype, inputs["score_threshold"].shape) == ("float32", (1,))
