"""The metadata of an exported file."""

from __future__ import annotations

import json
from typing import Any

from fvcore.common.config import CfgNode
from onnx import ModelProto

from vx_detectron import __version__
from vx_detectron.config import exported, get_cfg
from vx_detectron.config.class_names import class_names

LICENSES = {  # by the start of MODEL.WEIGHTS; that of other files only their owner knows
    "bundled://": "Apache-2.0",
    "detectron2://": "CC-BY-SA-3.0",
}


def stamp(model: ModelProto, **values: str) -> None:
    """Write metadata into a model, over what is there under the same names."""
    given = {one.key: one.value for one in model.metadata_props} | values
    del model.metadata_props[:]
    for key, value in given.items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name, model.producer_version = "vx-detectron", __version__


def licence_of(weights: str) -> str:
    """The licence of well-known weights, by ``MODEL.WEIGHTS``; empty where it is not known."""
    return next((name for start, name in LICENSES.items() if weights.startswith(start)), "")


def detector_metadata(cfg: CfgNode, weights: str, sha256: str, licence: str) -> dict[str, str]:
    """The entries of a detector.

    Args:
        cfg: its configuration.
        weights: the name of the file that it was made from, without its folder.
        sha256: of that file.
        licence: of that file, or empty.
    """
    node = cfg.INPUT
    photo: dict[str, Any] = {
        "layout": "CHW",
        "channels": node.FORMAT,
        "range": [0, 255],
        "shortest_side": node.MIN_SIZE_TEST,
        "longest_side": node.MAX_SIZE_TEST,
    }
    return {
        exported.KIND: exported.DETECTOR,
        exported.VERSION: __version__,
        exported.CONFIG: exported.portable_text(cfg, get_cfg()),
        exported.CLASS_NAMES: json.dumps(class_names(cfg)),
        exported.WEIGHTS: weights,
        exported.WEIGHTS_SHA256: sha256,
        exported.LICENSE: licence or "unknown",
        exported.PRECISION: "float32",
        exported.INPUT: json.dumps(photo),
    }
