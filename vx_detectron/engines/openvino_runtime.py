"""OpenVINO: another runtime for exported networks, fast in bfloat16 on processors that have it."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fvcore.common.config import CfgNode

from vx_detectron.engines.onnx_runtime import Array
from vx_detectron.errors import CheckpointError, EngineError

_PRECISION = {"float32": "f32", "bfloat16": "bf16"}


def can_run(cfg: CfgNode) -> bool:
    """Whether OpenVINO is installed, and the configuration asks for no other device than a CPU."""
    return importlib.util.find_spec("openvino") is not None and cfg.MODEL.DEVICE in ("auto", "cpu")


class Session:
    """One exported network, loaded; see ``sessions.Session``.

    The inputs that have values in the file, such as a detector's thresholds, keep them: OpenVINO
    treats them as constants.

    Args:
        path: an ONNX file, or an ``.xml`` of OpenVINO's own with its ``.bin`` beside it.
        cfg: MODEL.DEVICE and VX.ONNX say how it runs.

    Attributes:
        precision: in which it computes, as OpenVINO says: ``f32`` or ``bf16``.

    Raises:
        EngineError: OpenVINO is not available, or cannot run as requested.
        CheckpointError: the file is not a network that this OpenVINO can run.
    """

    engine = "openvino"
    device = "cpu"
    adjustable = False

    def __init__(self, path: Path, cfg: CfgNode) -> None:
        openvino = _openvino()
        if cfg.MODEL.DEVICE not in ("auto", "cpu"):
            raise EngineError(
                f"OpenVINO runs networks on the CPU here, but MODEL.DEVICE is {cfg.MODEL.DEVICE!r};"
                " use --device cpu, or VX.ONNX.RUNTIME onnxruntime"
            )
        wanted = _PRECISION[cfg.VX.ONNX.PRECISION]
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": wanted,
            "INFERENCE_NUM_THREADS": cfg.VX.ONNX.THREADS,
            "PERFORMANCE_HINT": "LATENCY",
        }
        core = openvino.Core()
        can = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if wanted == "bf16" and "BF16" not in can:
            raise EngineError(
                "VX.ONNX.PRECISION is 'bfloat16', which this processor does not have "
                f"(it has {', '.join(can)}); set it to float32"
            )
        try:
            self._network = core.compile_model(core.read_model(str(path)), "CPU", options)
        except Exception as error:  # OpenVINO's errors have no common class of their own
            raise CheckpointError(
                f"{path} is not a network that OpenVINO {openvino.__version__} can run: "
                f"{_reason(error)}"
            ) from error
        self.precision = wanted
        self.inputs: dict[str, list[int | str | None]] = {
            one.any_name: [None if side.is_dynamic else side.get_length() for side in shape]
            for one in self._network.inputs
            for shape in [one.partial_shape]
        }
        self.outputs = tuple(one.any_name for one in self._network.outputs)
        self._own = threading.local()  # a request serves one thread at a time

    def run(self, values: Mapping[str, Array], outputs: Sequence[str] | None = None) -> list[Array]:
        """The requested outputs, by default all of them in the file's order.

        Args:
            values: by name; those that the file itself has values for are left out.
            outputs: their names.

        Raises:
            EngineError: the network failed.
        """
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._network.create_infer_request()
        try:
            request.infer({name: value for name, value in values.items() if name in self.inputs})
            names = self.outputs if outputs is None else outputs
            # Copied: the next run writes into the same memory.
            return [np.array(request.get_tensor(name).data) for name in names]
        except Exception as error:
            raise EngineError(f"OpenVINO failed: {_reason(error)}") from error


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            f"this network is to run in OpenVINO, which cannot be imported ({error}): install the "
            'extra, pip install "vx-detectron[openvino]"'
        ) from error
    return openvino


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's message: those before it are places in its source."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
