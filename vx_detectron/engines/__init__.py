"""THE SEAM: one small protocol, three engines behind it that must agree.

Nothing of Detectron2, torch or ONNX Runtime crosses it: a photo goes in, ``Instances`` come out.
"""

from __future__ import annotations

import warnings
from typing import Protocol

from fvcore.common.config import CfgNode

from vx_detectron.config.exported import SUFFIX
from vx_detectron.engines import onnx_detector
from vx_detectron.errors import EngineError
from vx_detectron.structures import ByteArray, Instances


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        name: ``onnx``, ``detectron2`` or ``torchvision``.
        device: such as ``cpu`` or ``cuda:0``.
        weights: as ``MODEL.WEIGHTS`` names them.
        weights_sha256: their digest.
        class_names: of the detector's classes.
    """

    name: str
    device: str
    weights: str
    weights_sha256: str
    class_names: tuple[str, ...]

    def predict(self, image: ByteArray) -> Instances:
        """The things in one photo, uint8 (H, W, 3) RGB."""
        ...


def engine_name(cfg: CfgNode) -> str:
    """What ``VX.ENGINE`` means here: ``auto`` is the fastest engine that can run it.

    That is onnx for an exported network or a bundled one, else detectron2 where it is installed.

    Raises:
        EngineError: an engine was asked for and is not there.
    """
    name: str = cfg.VX.ENGINE
    if name == "auto":
        # Detectron2 last: to know whether it is there takes seconds.
        if onnx_detector.can_run(cfg) or cfg.MODEL.WEIGHTS.endswith(SUFFIX):
            return "onnx"
        return "detectron2" if _detectron2_imports() else "torchvision"
    if name == "detectron2" and not _detectron2_imports():
        raise EngineError(
            "VX.ENGINE is 'detectron2', but detectron2 cannot be imported; see 'Engines' in the "
            "README, or use --engine torchvision, which runs the same checkpoints"
        )
    return name


def build_engine(cfg: CfgNode) -> Engine:
    """The engine that ``VX.ENGINE`` asks for; see ``engine_name``.

    Raises:
        EngineError: an engine was asked for and is not there, or the device is not.
        ConfigError, CheckpointError: the engine cannot be built from this configuration.
    """
    name = engine_name(cfg)
    if name == "onnx":
        return onnx_detector.OnnxDetector(cfg)
    if name == "torchvision":
        from vx_detectron.engines.torchvision_engine import TorchvisionEngine

        return TorchvisionEngine(cfg)
    from vx_detectron.engines.detectron2.engine import Detectron2Engine

    return Detectron2Engine(cfg)


def _detectron2_imports() -> bool:
    with warnings.catch_warnings():
        # Detectron2's own use of torch.jit, which nobody here can change.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import detectron2.modeling  # noqa: F401
        except ImportError:
            return False
    return True
