"""What ``vx export`` does: a network of a configuration becomes a file, which is then compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from fvcore.common.config import CfgNode
from onnx import ModelProto

from vx_detectron.config import exported, load_cfg
from vx_detectron.engines import NO_EYE, build_detector, build_eye, guests, looks
from vx_detectron.engines.eye_input import EyeInput, sigmoid
from vx_detectron.engines.onnx_eye import OnnxEye
from vx_detectron.engines.preprocess import network_input
from vx_detectron.engines.sessions import open_session
from vx_detectron.errors import CheckpointError, ConfigError
from vx_detectron.export import check
from vx_detectron.export.detector import export_detector
from vx_detectron.export.eye import export_eye
from vx_detectron.export.ir import save_ir
from vx_detectron.export.metadata import licence_of
from vx_detectron.export.precision import Values, to_float16, to_int8
from vx_detectron.files import replacing
from vx_detectron.interactive.hint_maps import hint_maps
from vx_detectron.ir_file import is_ir
from vx_detectron.structures import ByteArray
from vx_detectron.weights import catalog

if TYPE_CHECKING:
    from vx_detectron.engines.torch_eye import TorchEye
    from vx_detectron.modeling.hint_decoder import HintDecoder

FLOAT32, FLOAT16, INT8 = "float32", "float16", "int8"

# Low, so that the mask head sees regions in every photo that int8 is measured on.
_CALIBRATION_SCORE = 0.01


class Comparison(NamedTuple):
    """One photo through the file and through what it was made of.

    Attributes:
        text: the differences, for people.
        is_small: whether both count as the same.
    """

    text: str
    is_small: bool


def export(
    cfg: CfgNode,
    kind: str,
    precision: str = FLOAT32,
    photos: Iterable[ByteArray] = (),
    licence: str = "",
) -> ModelProto:
    """The detector, the eye or the hint decoder of a configuration as ONNX.

    Args:
        cfg: the configuration, with its weights.
        kind: ``detector``, ``eye`` or ``hints``.
        precision: ``float32``, ``float16``, or ``int8``, which is not for ``hints``.
        photos: uint8 (H, W, 3) RGB, for int8, to measure the range of every activation on.
        licence: of the weights; by default what is known of bundled and zoo weights.

    Raises:
        ConfigError: a network that cannot be exported.
        CheckpointError: weights that are missing, unsafe, of another network, exported already, or
            a hint decoder that belongs to another eye.
    """
    if kind == exported.HINTS and precision == INT8:
        raise ConfigError("the hint decoder is not exported in int8; use float32 or float16")
    build = {exported.EYE: _eye, exported.HINTS: _hints}.get(kind, _detector)
    model = build(cfg, licence)
    if precision == FLOAT16:
        return to_float16(model)
    if precision == INT8:
        inputs = _eye_inputs if kind == exported.EYE else _detector_inputs
        return to_int8(model, inputs(cfg, photos))
    return model


def write(
    cfg: CfgNode,
    kind: str,
    path: Path,
    precision: str = FLOAT32,
    photos: Iterable[ByteArray] = (),
    licence: str = "",
) -> None:
    """Export to a file, which is written whole or not at all.

    Args:
        cfg: the configuration, with its weights.
        kind: as for ``export``, and so are precision, photos and licence.
        path: ends in ``.onnx``; or in ``.xml``, which is written as OpenVINO IR, with its weights
            in a ``.bin`` beside it.
        precision: in an ``.xml``, ``float16`` is how the weights are stored, no more.
        photos: for int8.
        licence: of the weights.

    Raises:
        ConfigError: as ``export``; or OpenVINO is not installed, or cannot read the network.
        CheckpointError: as ``export``.
        OSError: it cannot be written.
    """
    if is_ir(path):
        half = precision == FLOAT16
        save_ir(export(cfg, kind, FLOAT32 if half else precision, photos, licence), path, half=half)
        return
    save(export(cfg, kind, precision, photos, licence), path)


def save(model: ModelProto, path: Path) -> None:
    """Write an ONNX file, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path) as temporary:
        onnx.save(model, temporary)


def compare(
    cfg: CfgNode, kind: str, path: Path, photos: Iterable[ByteArray]
) -> Iterator[Comparison]:
    """Run photos through a file that was exported and through the engine it was exported from.

    Args:
        cfg: as for ``export``; VX.ENGINE may name detectron2, else torchvision is compared with.
        kind: ``detector``, ``eye`` or ``hints``.
        path: the exported file.
        photos: uint8 (H, W, 3) RGB.
    """
    own = _with(cfg, "VX.ENGINE", "detectron2" if cfg.VX.ENGINE == "detectron2" else "torchvision")
    if kind == exported.EYE:
        yield from _compare_eyes(own, _with(cfg, "VX.EYE.NAME", str(path)), photos)
        return
    if kind == exported.HINTS:
        yield from _compare_hints(cfg, path, photos)
        return
    reference = build_detector(own)
    adjustable = [key for key in exported.ADJUSTABLE.values()] + _INPUT_KEYS
    changed = [part for key in adjustable for part in (key, str(_value(cfg, key)))]
    other = build_detector(load_cfg(path, ["MODEL.DEVICE", cfg.MODEL.DEVICE, *changed]))
    for photo in photos:
        found = check.difference(reference.predict(photo), other.predict(photo))
        yield Comparison(str(found), found.is_small)


_INPUT_KEYS = ["INPUT.MIN_SIZE_TEST", "INPUT.MAX_SIZE_TEST"]


def _compare_eyes(
    own: CfgNode, other: CfgNode, photos: Iterable[ByteArray]
) -> Iterator[Comparison]:
    first, second = build_eye(own), OnnxEye(other)
    assert first is not None
    for photo in photos:
        farthest, mean = check.map_difference(first.look(photo), second.look(photo))
        yield Comparison(_words_for_maps(farthest, mean), farthest <= check.MOST_MAP)


def _words_for_maps(farthest: float, mean: float) -> str:
    return f"map within {farthest:.1e}, {mean:.1e} on average"


def _compare_hints(cfg: CfgNode, path: Path, photos: Iterable[ByteArray]) -> Iterator[Comparison]:
    """Both read the same features, with something to keep in the middle and to drop at the top."""
    import torch

    eye, decoder = _eye_and_hints(cfg)
    session = open_session(path, cfg)
    for values in _eye_inputs(cfg, photos):
        photo = torch.from_numpy(values[exported.PHOTO])
        height, width = photo.shape[2:]
        marks = np.zeros((2, height, width), dtype=np.bool_)
        for mark, row in zip(marks, (height // 2, 5), strict=True):
            mark[row - 5 : row + 6, width // 2 - 5 : width // 2 + 6] = True
        hints = hint_maps(marks[0], marks[1], None)[None]
        with torch.inference_mode():
            features = eye.model.features(photo)
            expected = decoder(features, torch.from_numpy(hints))[0].sigmoid().numpy()
        inputs = {n: f.numpy() for n, f in zip(exported.FEATURES, features, strict=True)}
        (found,) = session.run({**inputs, exported.HINT_MAPS: hints})
        farthest, mean = check.map_difference(sigmoid(found), expected)
        yield Comparison(_words_for_maps(farthest, mean), farthest <= check.MOST_MAP)


def _detector(cfg: CfgNode, licence: str) -> ModelProto:
    _refuse_exported("MODEL.WEIGHTS", cfg.MODEL.WEIGHTS)
    return export_detector(cfg, licence)


def _eye(cfg: CfgNode, licence: str) -> ModelProto:
    name: str = cfg.VX.EYE.NAME
    if name == NO_EYE:
        raise ConfigError(f"VX.EYE.NAME is {NO_EYE!r}, so this configuration has no eye to export")
    from vx_detectron.modeling.eye import SIZE_DIVISIBILITY

    eye = _torch_eye(cfg)
    return export_eye(
        eye.model,
        EyeInput(multiple=SIZE_DIVISIBILITY),
        weights=catalog.resolve(eye.weights).name,
        sha256=eye.weights_sha256,
        licence=licence or licence_of(eye.weights),
    )


def _torch_eye(cfg: CfgNode) -> TorchEye:
    """The eye of a configuration in torch, on the CPU, which weights alone can be."""
    _refuse_exported("VX.EYE.NAME", cfg.VX.EYE.NAME)
    _refuse_exported("VX.EYE.WEIGHTS", cfg.VX.EYE.WEIGHTS)
    from vx_detectron.engines.torch_eye import TorchEye

    return TorchEye(_with(cfg, "MODEL.DEVICE", "cpu"))


def _hints(cfg: CfgNode, licence: str) -> ModelProto:
    from vx_detectron.export.hints import export_hints

    eye, decoder = _eye_and_hints(cfg)
    weights: str = cfg.VX.HINTS.WEIGHTS
    path = catalog.resolve(weights)
    return export_hints(
        decoder,
        weights=path.name,
        sha256=catalog.sha256_of(path),
        eye_sha256=eye.weights_sha256,
        licence=licence or licence_of(weights),
    )


def _eye_and_hints(cfg: CfgNode) -> tuple[TorchEye, HintDecoder]:
    """The hint decoder of a configuration, and the eye that it belongs to."""
    from vx_detectron.engines.torch_hints import load_hint_decoder

    if cfg.VX.EYE.NAME == NO_EYE:
        raise ConfigError(
            f"VX.EYE.NAME is {NO_EYE!r}, but a hint decoder is exported beside the eye that it "
            "belongs to; give that eye"
        )
    _refuse_exported("VX.HINTS.WEIGHTS", cfg.VX.HINTS.WEIGHTS)
    eye = _torch_eye(cfg)
    return eye, load_hint_decoder(cfg.VX.HINTS.WEIGHTS, eye.weights, eye.weights_sha256)


def _refuse_exported(key: str, weights: str) -> None:
    if weights in guests.GUESTS or weights.lower().endswith(exported.SUFFIXES):
        raise CheckpointError(
            f"{key} is {weights!r}, which is exported already; give the weights that it was made "
            "from, which the metadata of an exported file names"
        )


def _detector_inputs(cfg: CfgNode, photos: Iterable[ByteArray]) -> Iterator[Values]:
    low = np.array([_CALIBRATION_SCORE], dtype=np.float32)
    for photo in photos:
        yield {"image": network_input(cfg, photo), "score_threshold": low}


def _eye_inputs(cfg: CfgNode, photos: Iterable[ByteArray]) -> Iterator[Values]:
    from vx_detectron.modeling.eye import SIZE_DIVISIBILITY

    row = EyeInput(multiple=SIZE_DIVISIBILITY)
    for photo in photos:
        for shortest in cfg.VX.EYE.SIZES:
            height, width = photo.shape[:2]
            size = looks.input_size(height, width, shortest, row.multiple)
            yield {"photo": row.prepare(looks.resize_photo(photo, size))}


def _with(cfg: CfgNode, key: str, value: str) -> CfgNode:
    """The configuration with another text under a key."""
    other = cfg.clone()
    other.defrost()
    other.merge_from_list([key, value])
    other.freeze()
    return other


def _value(cfg: CfgNode, key: str) -> object:
    node: object = cfg
    for name in key.split("."):
        node = node[name]  # type: ignore[index]
    return node
