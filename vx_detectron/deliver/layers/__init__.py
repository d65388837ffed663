"""All things in a photo as layers: in a folder of PNGs with COCO json, OpenRaster or PSD."""

from __future__ import annotations

from vx_detectron.deliver.layers.coco import coco_json
from vx_detectron.deliver.layers.layer import Layer, find_layers
from vx_detectron.deliver.layers.openraster import openraster
from vx_detectron.deliver.layers.photoshop import photoshop
from vx_detectron.deliver.layers.writing import ANNOTATIONS, LAYER, LAYERED, write_layers

__all__ = [
    "ANNOTATIONS",
    "LAYER",
    "LAYERED",
    "Layer",
    "coco_json",
    "find_layers",
    "openraster",
    "photoshop",
    "write_layers",
]
