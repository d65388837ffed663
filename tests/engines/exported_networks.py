"""Small networks as ONNX files, and what exports and runs them."""

from __future__ import annotations

from pathlib import Path

import onnx
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
