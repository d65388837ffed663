"""THE SEAM: one small protocol, two engines behind it that must agree.

Nothing of Detectron2 or torchvision crosses it: a photo goes in, ``Instances`` come out.
"""

from __future__ import annotations

import warnings
from typing import Protocol

from fvcore.common.config import CfgNode

from vx_detectron.errors import EngineError
from vx_detectron.structures import ByteArray, Instances


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        name: ``torchvision`` or ``detectron2``.
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
    """What ``VX.ENGINE`` means here: ``auto`` takes detectron2 where it is installed.

    Raises:
        EngineError: detectron2 was requested but is not installed.
    """
    name: str = cfg.VX.ENGINE
    if name == "auto":
        return "detectron2" if _detectron2_imports() else "torchvision"
    if name == "detectron2" and not _detectron2_imports():
        raise EngineError(
            "VX.ENGINE is 'detectron2', but detectron2 cannot be imported; see "
            "docs/engines.md, or use --engine torchvision, which runs the same checkpoints"
        )
    return name


def build_engine(cfg: CfgNode) -> Engine:
    """The engine that ``VX.ENGINE`` asks for; see ``engine_name``.

    Raises:
        EngineError: detectron2 was requested but is not installed, or the device is missing.
        ConfigError, CheckpointError: the engine cannot be built from this configuration.
    """
    if engine_name(cfg) == "torchvision":
        from vx_detectron.engines.torchvision_engine import TorchvisionEngine

        return TorchvisionEngine(cfg)
    from vx_detectron.engines.detectron2.engine import Detectron2Engine

    return Detectron2Engine(cfg)


def _detectron2_imports() -> bool:
    with warnings.catch_warnings():
        # Detectron2's own use of torch.jit, which we cannot change.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import detectron2.modeling  # noqa: F401
        except ImportError:
            return False
    return True
