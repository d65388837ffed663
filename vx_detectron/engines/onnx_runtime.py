"""ONNX Runtime: which processor runs an exported network, and a session that says so."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fvcore.common.config import CfgNode
from numpy.typing import NDArray

from vx_detectron.errors import CheckpointError, EngineError

Array = NDArray[Any]
Provider = tuple[str, dict[str, Any]]

_ENDING = "ExecutionProvider"
_INSTALL = "pip install onnxruntime"

# What `auto` takes, the first that is there. Others must be named: TensorRT compiles for minutes,
# and CoreML and OpenVINO cut a network of changing sizes into pieces.
_AUTO = ("CUDA", "Dml", "CPU")


def is_installed() -> bool:
    """Whether ONNX Runtime is there; it is not loaded for the answer."""
    return importlib.util.find_spec("onnxruntime") is not None


def available_providers() -> tuple[str, ...]:
    """The execution providers of the installed ONNX Runtime, such as ``("CUDA", "CPU")``.

    Raises:
        EngineError: ONNX Runtime is not installed.
    """
    names: list[str] = _onnxruntime().get_available_providers()
    return tuple(name.removesuffix(_ENDING) for name in names)


def can_run(cfg: CfgNode) -> bool:
    """Whether ONNX Runtime is installed, with the device that the configuration asks for."""
    if not is_installed():
        return False
    try:
        choose_providers(cfg.MODEL.DEVICE, cfg.VX.ONNX.PROVIDERS, available_providers())
    except EngineError:
        return False
    return True


def choose_providers(
    device: str, wanted: Sequence[str], available: Sequence[str]
) -> list[Provider]:
    """The execution providers to request, in order of preference.

    Args:
        device: ``MODEL.DEVICE``: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        wanted: ``VX.ONNX.PROVIDERS``; they win over the device.
        available: see ``available_providers``.

    Raises:
        EngineError: a provider or device that is not available.
    """
    known = {_folded(name): name for name in available}
    if wanted:
        missing = [name for name in wanted if _folded(name) not in known]
        if missing:
            raise EngineError(
                f"VX.ONNX.PROVIDERS asks for {', '.join(missing)}, but the installed ONNX Runtime "
                f"has only {', '.join(available)}; each kind of hardware has a package of its "
                "own, such as onnxruntime-gpu for CUDA or onnxruntime-directml"
            )
        return [(known[_folded(name)] + _ENDING, {}) for name in wanted]
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", device)
    if match is None:
        raise EngineError(f"MODEL.DEVICE must be auto, cpu, cuda or cuda:N, got {device!r}")
    if device == "auto":
        return [(next(name for name in _AUTO if name in available) + _ENDING, {})]
    if device == "cpu":
        return [("CPU" + _ENDING, {})]
    if "CUDA" not in available:
        raise EngineError(
            f"MODEL.DEVICE is {device!r}, but the installed ONNX Runtime has only "
            f"{', '.join(available)}; use --device auto or cpu, or install onnxruntime-gpu"
        )
    return [("CUDA" + _ENDING, {"device_id": match[1] or "0"})]


class Session:
    """One ONNX file, loaded; see ``sessions.Session``.

    Args:
        path: the file.
        cfg: MODEL.DEVICE and VX.ONNX say where it runs.

    Attributes:
        device: where it runs, such as ``cpu``, ``cuda:0`` or ``openvino``.
        providers: ONNX Runtime's own names of what is in use.
        inputs: name to shape of the inputs; a side that may vary is a string or None.
        outputs: the names of the outputs.

    Raises:
        EngineError: ONNX Runtime or the requested device is not available.
        CheckpointError: the file is not an ONNX file that this ONNX Runtime can run.
    """

    engine = "onnx"
    adjustable = True

    def __init__(self, path: str | os.PathLike[str], cfg: CfgNode) -> None:
        runtime = _onnxruntime()
        wanted = tuple(cfg.VX.ONNX.PROVIDERS)
        providers = choose_providers(cfg.MODEL.DEVICE, wanted, available_providers())
        self._session = _open(runtime, Path(path), providers, cfg.VX.ONNX.THREADS)
        self.providers = tuple(self._session.get_providers())
        asked = providers[0][0]
        if self.providers[0] != asked and (wanted or cfg.MODEL.DEVICE != "auto"):
            raise EngineError(
                f"ONNX Runtime cannot use {asked.removesuffix(_ENDING)} here and would run on "
                f"{self.providers[0].removesuffix(_ENDING)} instead; check its driver and "
                "libraries, or use --device auto"
            )
        self.device = _device_name(self.providers[0], dict(providers))
        self.inputs: dict[str, list[int | str | None]] = {
            one.name: one.shape for one in self._session.get_inputs()
        }
        self.outputs = tuple(one.name for one in self._session.get_outputs())

    def run(self, values: Mapping[str, Array], outputs: Sequence[str] | None = None) -> list[Array]:
        """The requested outputs, by default all of them in the file's order.

        Raises:
            EngineError: the network failed.
        """
        try:
            found = self._session.run(None if outputs is None else list(outputs), dict(values))
        except Exception as error:  # ONNX Runtime's errors have no common class of their own
            raise EngineError(f"ONNX Runtime failed: {_first_line(error)}") from error
        return [np.asarray(one) for one in found]


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(
            f"exported networks need ONNX Runtime, which is not installed: {_INSTALL}"
        ) from error
    return onnxruntime


def _open(runtime: Any, path: Path, providers: list[Provider], threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    # Detector and eye run by turns, each with threads of its own. Threads that go on spinning after
    # a run, as they do unless told not to, take the processors from the network that runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; it warns of what nobody here can change
    try:
        return runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        raise CheckpointError(
            f"{path} is not a network that ONNX Runtime {runtime.__version__} can run: "
            f"{_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _device_name(provider: str, options: Mapping[str, dict[str, Any]]) -> str:
    name = provider.removesuffix(_ENDING).lower()
    if name == "cuda":
        return f"cuda:{options.get(provider, {}).get('device_id', '0')}"
    return {"dml": "directml"}.get(name, name)


def _folded(name: str) -> str:
    short = name.lower().removesuffix(_ENDING.lower())
    return {"directml": "dml"}.get(short, short)
