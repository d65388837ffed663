"""Layers of a cut-out, or of all things in a photo: OpenRaster, PSD, or PNGs with COCO json."""

from __future__ import annotations

from vx_detectron.deliver.layers.coco import coco_json
from vx_detectron.deliver.layers.layer import InstanceLayer, Layer, find_layers, subject_layers
from vx_detectron.deliver.layers.openraster import openraster
from vx_detectron.deliver.layers.photoshop import photoshop
from vx_detectron.deliver.layers.writing import ANNOTATIONS, LAYER, LAYERED, write_layers

__all__ = [
    "ANNOTATIONS",
    "LAYER",
    "LAYERED",
    "InstanceLayer",
    "Layer",
    "coco_json",
    "find_layers",
    "openraster",
    "photoshop",
    "subject_layers",
    "write_layers",
]
