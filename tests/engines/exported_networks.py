"""Small networks as ONNX files, and what exports and runs them."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
from small_networks import NETWORKS, fill, small_cfg, write_weights

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.export.detector import export_detector
from vx_detectron.modeling.mask_rcnn import build_model


def small_weights(name: str, folder: Path) -> CfgNode:
    """The configuration of one of NETWORKS, with weights in that folder."""
    model = fill(build_model(small_cfg(name)), NETWORKS[name])
    return small_cfg(name, MODEL__WEIGHTS=write_weights(model, folder / f"{name}.pth"))


def export(cfg: CfgNode, path: Path) -> CfgNode:
    """Write the detector of a configuration there; returns the configuration that runs it."""
    onnx.save(export_detector(cfg), path)
    return load_cfg(path, ["MODEL.DEVICE", "cpu"])


def red_guest(path: Path) -> Path:
    """An eye of a stranger, 320 x 320, that marks what is red."""
    text = """<ir_version: 8, opset_import: ["": 18]>
    guest (float[1, 3, 320, 320] photo) => (float[1, 1, 320, 320] d0) {
        channel = Constant <value_int = 0> () plane = Gather <axis = 1> (photo, channel)
        axis = Constant <value_ints = [1]> () d0 = Unsqueeze (plane, axis)
    }"""
    onnx.save(onnx.parser.parse_model(text), path)
    return path
