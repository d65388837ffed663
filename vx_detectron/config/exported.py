"""The metadata of an exported network's file, and its configuration.

Read without ONNX Runtime, since a few hundred bytes behind the weights are all that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import yaml  # type: ignore[import-untyped]
from fvcore.common.config import CfgNode
from numpy.typing import NDArray

from vx_detectron.config.defaults import flatten
from vx_detectron.errors import ConfigError
from vx_detectron.ir_file import SUFFIX as IR_SUFFIX
from vx_detectron.ir_file import is_ir, read_ir_metadata

SUFFIXES = (".onnx", IR_SUFFIX)
"""How the names of exported networks end: ONNX, and OpenVINO's own form."""

# The names under which ``vx export`` writes; all values are texts.
KIND, VERSION, CONFIG, CLASS_NAMES = "vx.kind", "vx.version", "vx.config", "vx.class_names"
WEIGHTS, WEIGHTS_SHA256, LICENSE = "vx.weights", "vx.weights_sha256", "vx.license"
PRECISION, INPUT = "vx.precision", "vx.input"
EYE_SHA256 = "vx.eye_sha256"  # of hints: the weights of the eye whose features they read
DETECTOR, EYE, HINTS = "detector", "eye", "hints"

# The values of an exported eye and of the hint decoder beside it, at the strides 2 to 32.
PHOTO, MAP, HINT_MAPS = "photo", "map", "hints"
FEATURES = tuple(f"features_{stride}" for stride in (2, 4, 8, 16, 32))

_ALL = 2**31 - 1  # boxes, where TEST.DETECTIONS_PER_IMAGE is negative
_METADATA_FIELD = 14  # ModelProto.metadata_props, in onnx.proto
_MOST_BYTES = 2**20  # of one entry

# Keys that play no part once a network is exported: they are about training or about where things
# are. Those below are inputs of the exported graph, and may be changed at every call.
_NOT_READ = ("MODEL.WEIGHTS", "MODEL.DEVICE", "MODEL.BACKBONE.FREEZE_AT")
_TRAINING = ("_TRAIN", "LOSS", "BETA", "IOU_", "BATCH_SIZE", "POSITIVE_FRACTION", "APPEND_GT")
ADJUSTABLE = {
    "proposals_before": "MODEL.RPN.PRE_NMS_TOPK_TEST",
    "proposals_after": "MODEL.RPN.POST_NMS_TOPK_TEST",
    "proposal_overlap": "MODEL.RPN.NMS_THRESH",
    "score_threshold": "MODEL.ROI_HEADS.SCORE_THRESH_TEST",
    "box_overlap": "MODEL.ROI_HEADS.NMS_THRESH_TEST",
    "detections": "TEST.DETECTIONS_PER_IMAGE",
}


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of an exported network, name to text; empty where it has none.

    Raises:
        ConfigError: it cannot be read, or is neither an ONNX file nor an OpenVINO network.
    """
    what = "an OpenVINO network" if is_ir(path) else "an ONNX file"
    try:
        if is_ir(path):
            return read_ir_metadata(path)
        with open(path, "rb") as file:
            return dict(_entry(content) for content in _fields(file, _METADATA_FIELD))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not {what}, or it is damaged: {error}") from error


def exported_values(path: str | Path) -> dict[str, Any]:
    """The configuration inside an exported detector, by dotted key, which runs that very file.

    Raises:
        ConfigError: the file holds none.
    """
    metadata = read_metadata(path)
    if metadata.get(KIND) != DETECTOR or CONFIG not in metadata:
        raise ConfigError(
            f"{path} does not hold a detector that `vx export` wrote, so it has no configuration; "
            "give the yaml file of the configuration instead"
        )
    try:
        tree = yaml.safe_load(metadata[CONFIG])
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: its configuration is not valid yaml: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: its configuration has no keys")
    return {**flatten(tree), "MODEL.WEIGHTS": str(path)}


def portable_text(cfg: CfgNode, defaults: CfgNode) -> str:
    """What a configuration says of the network and of the way of a photo, as yaml.

    Only what differs from the defaults, and no paths.
    """
    known = flatten(defaults)
    tree: dict[str, Any] = {}
    for key, value in flatten(cfg).items():
        if value == known.get(key) or not _travels(key):
            continue
        *sections, name = key.split(".")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = list(value) if isinstance(value, tuple) else value
    text: str = yaml.safe_dump(tree, sort_keys=True)
    return text


def adjustable_inputs(cfg: CfgNode) -> dict[str, NDArray[Any]]:
    """The exported graph's inputs beside the photo: arrays (1,), float32 or int64."""
    values = flatten(cfg)
    found: dict[str, NDArray[Any]] = {}
    for name, key in ADJUSTABLE.items():
        value = values[key]
        if isinstance(value, float):
            found[name] = np.array([value], dtype=np.float32)
        else:
            found[name] = np.array([value if value >= 0 else _ALL], dtype=np.int64)
    return found


def fixed_differences(cfg: CfgNode, exported: CfgNode) -> list[str]:
    """The keys that an exported network cannot follow any more, and whose value is another one."""
    theirs = flatten(exported)
    return [
        key
        for key, value in flatten(cfg).items()
        if _is_fixed(key) and _plain(value) != _plain(theirs[key])
    ]


def _travels(key: str) -> bool:
    if key.startswith("VX."):
        return key.split(".")[1] in ("CLASS_NAMES", "INPUT", "SUBJECT", "REFINE", "FALLBACK")
    return key.startswith(("MODEL.", "INPUT.", "TEST.")) and key not in _NOT_READ


def _is_fixed(key: str) -> bool:
    if key in _NOT_READ or key in ADJUSTABLE.values():
        return False
    if any(word in key.rsplit(".", 1)[-1] for word in _TRAINING):
        return False
    return key.startswith("MODEL.") or key in ("INPUT.FORMAT", "VX.CLASS_NAMES")


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _fields(file: IO[bytes], wanted: int) -> Iterator[bytes]:
    """The contents of one field of a protocol buffer; the others, weights included, are skipped."""
    size = file.seek(0, 2)
    file.seek(0)
    while file.tell() < size:
        tag = _varint(file)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            _varint(file)
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            if kind != 2:
                raise ValueError(f"wire type {kind} at byte {file.tell()}")
            length = _varint(file)
        if number == 0 or file.tell() + length > size:
            raise ValueError(f"a field runs past its end, at byte {file.tell()}")
        if number == wanted and kind == 2:
            if length > _MOST_BYTES:
                raise ValueError(f"{length} bytes of metadata in one entry")
            yield file.read(length)
        else:
            file.seek(length, 1)


def _varint(file: IO[bytes]) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise ValueError(f"a broken number at byte {file.tell()}")


def _entry(content: bytes) -> tuple[str, str]:
    from io import BytesIO

    names = [next(_fields(BytesIO(content), number), b"").decode() for number in (1, 2)]
    return names[0], names[1]
