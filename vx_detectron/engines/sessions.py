"""What runs an exported network: ONNX Runtime, or OpenVINO by a key or for a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from fvcore.common.config import CfgNode

from vx_detectron.engines import onnx_runtime, openvino_runtime
from vx_detectron.engines.onnx_runtime import Array
from vx_detectron.errors import EngineError
from vx_detectron.ir_file import is_ir

ONNX_RUNTIME, OPENVINO = "onnxruntime", "openvino"


class Session(Protocol):
    """One exported network, loaded. It may be run in several threads at a time.

    Attributes:
        engine: what runs it, as a result says it: ``onnx`` for ONNX Runtime, or ``openvino``.
        device: where it runs, such as ``cpu`` or ``cuda:0``.
        adjustable: whether inputs that have values in the file, such as thresholds, take others.
        inputs: name to shape of the inputs; a side that may vary is a string or None.
        outputs: the names of the outputs.
    """

    engine: str
    device: str
    adjustable: bool
    inputs: dict[str, list[int | str | None]]
    outputs: tuple[str, ...]

    def run(self, values: Mapping[str, Array], outputs: Sequence[str] | None = None) -> list[Array]:
        """The requested outputs, by default all of them in the file's order."""
        ...


def runtime_name(cfg: CfgNode, path: Path | None = None) -> str:
    """The runtime that ``VX.ONNX.RUNTIME`` means here, for a file if one is given.

    ``auto`` is ONNX Runtime: OpenVINO in float32 was no faster where it was measured, and takes
    longer to start. It is OpenVINO for what only OpenVINO can do: bfloat16, and its own files.

    Raises:
        EngineError: keys that contradict each other, or the file.
    """
    name: str = cfg.VX.ONNX.RUNTIME
    fast = cfg.VX.ONNX.PRECISION != "float32"
    own = path is not None and is_ir(path)
    if name == "auto":
        name = OPENVINO if fast or own else ONNX_RUNTIME
    if name == ONNX_RUNTIME and own:
        raise EngineError(
            f"VX.ONNX.RUNTIME is {name!r}, but {path} is a file of OpenVINO's; set it to auto or "
            "openvino, or export to .onnx, which both can run"
        )
    if name == ONNX_RUNTIME and fast:
        raise EngineError(
            f"VX.ONNX.PRECISION is {cfg.VX.ONNX.PRECISION!r}, but ONNX Runtime runs a file in its "
            "own precision; set VX.ONNX.RUNTIME to openvino, or export with --fp16"
        )
    if name == OPENVINO and cfg.VX.ONNX.PROVIDERS:
        raise EngineError(
            f"VX.ONNX.PROVIDERS are ONNX Runtime's, but {path if own else 'VX.ONNX.RUNTIME'} is "
            "for OpenVINO; leave one out"
        )
    return name


def can_run(cfg: CfgNode) -> bool:
    """Whether the runtime is installed, with the device that the configuration asks for."""
    try:
        if runtime_name(cfg) == OPENVINO:
            return openvino_runtime.can_run(cfg)
    except EngineError:
        return True  # building it says what is wrong
    return onnx_runtime.can_run(cfg)


def open_session(path: Path, cfg: CfgNode) -> Session:
    """Load an exported network.

    Raises:
        EngineError: the runtime or the requested device is not available.
        CheckpointError: the file is not a network that it can run.
    """
    if runtime_name(cfg, path) == OPENVINO:
        return openvino_runtime.Session(path, cfg)
    return onnx_runtime.Session(path, cfg)
