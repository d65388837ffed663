"""Write layers to files; the suffix of the name selects the format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vx_detectron.deliver.layers.coco import coco_json
from vx_detectron.deliver.layers.layer import Layer, find_layers
from vx_detectron.deliver.layers.openraster import openraster
from vx_detectron.deliver.layers.photoshop import photoshop
from vx_detectron.deliver.mark import Mark, read_mark
from vx_detectron.errors import ImageError
from vx_detectron.files import make_folder_for
from vx_detectron.image_io import Photo, write_bytes, write_picture
from vx_detectron.image_io.names import reason
from vx_detectron.structures import FloatArray, Instances

ANNOTATIONS = "annotations.json"
LAYER = "_layer"
"""How the names of the pictures of layers end."""
_WRITERS = {".ora": openraster, ".psd": photoshop}
LAYERED = tuple(_WRITERS)
"""Endings of layered files; any other name is that of a folder."""


def write_layers(
    path: Path,
    file_name: str,
    photo: Photo,
    instances: Instances,
    alpha_of: Callable[[int], FloatArray],
    mark: Mark | None = None,
) -> None:
    """Write all things in a photo as layers.

    Args:
        path: a file ``.ora`` or ``.psd`` in an existing folder, or a folder, created if needed. The
            folder gets a transparent PNG of the photo's size for each layer, topmost first, and
            then the COCO json ``annotations.json``: if that exists, all of them do. Layers that an
            earlier run left there are removed if they carry a mark; other files are not touched.
        file_name: what the json calls the photo.
        photo: as it was read.
        instances: what was found in it.
        alpha_of: the refined mask of one of them; see ``find_layers``.
        mark: which photo the result belongs to, to be written into the pictures and the json.

    Raises:
        ImageError: something cannot be written.
        ConfigError: PSD, and psd-tools is not installed.
    """
    layers = find_layers(photo, instances, alpha_of)
    encode = _WRITERS.get(path.suffix.lower())
    if encode is not None:
        # The photo is what all the layers above it look like together.
        whole = photo.layer
        stack = [*layers, Layer("photo", whole)]
        software = None if mark is None else str(mark)
        write_bytes(path, encode(whole, stack, photo.icc_profile, photo.dpi, software))
        return
    make_folder_for(path / ANNOTATIONS)
    _remove(path / ANNOTATIONS)
    names = [
        f"{number:02} {_safe(layer.name)}{LAYER}.png" for number, layer in enumerate(layers, 1)
    ]
    for name, layer in zip(names, layers, strict=True):
        _write_png(path / name, layer, photo, mark)
    for old in sorted(path.glob(f"*{LAYER}.png")):
        if old.name not in names and read_mark(old) is not None:
            _remove(old)
    size = photo.pixels.shape[0], photo.pixels.shape[1]
    content = coco_json(file_name, size, layers, instances.class_names)
    if mark is not None:
        content = {"info": {"description": str(mark)}, **content}
    write_bytes(path / ANNOTATIONS, json.dumps(content).encode("ascii"))


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ImageError(f"{path}: cannot be removed: {reason(error)}") from error


def _write_png(target: Path, layer: Layer, photo: Photo, mark: Mark | None) -> None:
    """The layer at its place in a picture of the photo's size."""
    whole = np.zeros((*photo.pixels.shape[:2], 4), dtype=np.uint8)
    height, width = layer.pixels.shape[:2]
    whole[layer.top : layer.top + height, layer.left : layer.left + width] = layer.pixels
    write_picture(
        target,
        whole,
        format="png",
        icc_profile=photo.icc_profile,
        dpi=photo.dpi,
        software=None if mark is None else str(mark),
    )


def _safe(name: str) -> str:
    """The name without what file systems do not take: classes may be called anything."""
    return "".join(sign if sign.isalnum() or sign in " -_" else "_" for sign in name)[:60]
