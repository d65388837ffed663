"""All options of a run as one short text, so that a result says which options made it."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from fvcore.common.config import CfgNode

from vx_detectron.cli.isolate.marks import Marks
from vx_detectron.config.defaults import flatten
from vx_detectron.config.loading import get_cfg
from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import CheckpointError
from vx_detectron.subject import Choice
from vx_detectron.weights import catalog

# Beginnings of keys that change nothing in a picture: how a training goes, where the network
# runs, and which photos are too large.
_IDLE = (
    "CUDNN_BENCHMARK", "DATALOADER.", "DATASETS.", "FLOAT32_PRECISION", "INPUT.CROP.",
    "INPUT.MASK_FORMAT", "INPUT.MAX_SIZE_TRAIN", "INPUT.MIN_SIZE_TRAIN", "INPUT.RANDOM_FLIP",
    "MODEL.DEVICE", "OUTPUT_DIR", "SEED", "SOLVER.", "TEST.EVAL_PERIOD", "TEST.EXPECTED_RESULTS",
    "VIS_PERIOD", "VX.AUGMENT.", "VX.DATA.", "VX.ENGINE", "VX.INPUT.MAX_",
    "VX.ONNX.PROVIDERS", "VX.ONNX.RUNTIME", "VX.ONNX.THREADS",
    "VX.SOLVER.",
)  # fmt: skip


def fingerprint(cfg: CfgNode, choice: Choice, finish: Finish, marks: Marks | None = None) -> str:
    """16 hexadecimal digits from everything that determines what a cut-out looks like.

    Args:
        cfg: only keys that differ from their defaults count, so that a later version with more
            keys gives the same text. Weights count by their contents.
        choice: which subject a person asked for.
        finish: what the picture shows, the pixels of a background picture included.
        marks: the hints of a person; without any the text is that of earlier versions.
    """
    defaults = flatten(get_cfg())
    keys = {
        key: _weights(value) if key.endswith(".WEIGHTS") else _plain(value)
        for key, value in flatten(cfg).items()
        if not key.startswith(_IDLE) and _plain(value) != _plain(defaults.get(key))
    }
    picture = _plain(finish)
    del picture[1]["compression"]  # the file's size only
    parts = [keys, _plain(choice), picture]
    parts += [] if marks is None else [_plain(marks)]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _weights(spec: str) -> str:
    """The digest of a file that is here; an address stands for itself."""
    if not spec.startswith(("http://", "https://", "detectron2://")):
        with suppress(CheckpointError, OSError):  # loading it will say what is wrong
            return catalog.weights_sha256(catalog.resolve(spec))
    return spec


def _plain(value: Any) -> Any:
    """What json can hold, whatever it is made of."""
    if is_dataclass(value):
        parts = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return [type(value).__name__, parts]
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return [value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
