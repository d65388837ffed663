"""THE INTERFACES: two networks behind two small protocols, and what builds them.

A detector knows what the things in a photo are; an eye knows what people look at. Any detector
works with any eye. Nothing of Detectron2, torch or ONNX Runtime crosses these interfaces. What
interprets hints has its own interface, in ``interactive.segmenter``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Protocol

from fvcore.common.config import CfgNode

from vx_detectron.errors import EngineError
from vx_detectron.interactive import InteractiveSegmenter
from vx_detectron.structures import ByteArray, FloatArray, Instances, Provenance
from vx_detectron.weights.catalog import EXPORTED

NO_EYE, OWN_EYE = "none", "vx_eye"
_WEIGHTS = (".safetensors", ".pth", ".pkl")


class Detector(Protocol):
    """A network that finds instances, ready to run.

    Attributes:
        name: of the engine that runs it: ``onnx``, ``openvino``, ``detectron2`` or ``torchvision``.
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


class Eye(Protocol):
    """A network that maps the main subject, ready to run.

    Attributes:
        name: as ``VX.EYE.NAME`` gives it.
        engine: what runs it: ``onnx``, ``openvino`` or ``torch``.
        device: such as ``cpu`` or ``cuda:0``.
        weights: where its weights came from.
        weights_sha256: their digest.
    """

    name: str
    engine: str
    device: str
    weights: str
    weights_sha256: str

    def look(self, image: ByteArray) -> FloatArray:
        """The probability that each part of the photo belongs to its main subject.

        Args:
            image: uint8 (H, W, 3), RGB.

        Returns:
            float32 (h, w), 0..1, over the whole photo at the eye's own resolution.
        """
        ...


def engine_name(cfg: CfgNode) -> str:
    """The detector's engine that ``VX.ENGINE`` selects.

    ``auto`` is the fastest that can run the configuration: onnx for an exported detector and for
    the bundled one, else detectron2 where it is installed, else torchvision.

    Raises:
        EngineError: detectron2 was requested and is not installed.
    """
    if cfg.VX.ENGINE == "onnx":
        return "onnx"
    if cfg.VX.ENGINE == "auto":
        from vx_detectron.engines import onnx_detector

        # First: finding out whether Detectron2 is there takes seconds.
        if onnx_detector.can_run(cfg) or cfg.MODEL.WEIGHTS.endswith(EXPORTED):
            return "onnx"
    return torch_engine_name(cfg)


def torch_engine_name(cfg: CfgNode) -> str:
    """Which of the engines that can train ``VX.ENGINE`` means: detectron2 or torchvision.

    Raises:
        EngineError: detectron2 was requested and is not installed, or onnx, which cannot train.
    """
    name: str = cfg.VX.ENGINE
    if name == "onnx":
        raise EngineError(
            "VX.ENGINE is 'onnx', which runs exported networks and cannot train; set it to auto, "
            "detectron2 or torchvision"
        )
    if name == "auto":
        return "detectron2" if _detectron2_imports() else "torchvision"
    if name == "detectron2" and not _detectron2_imports():
        raise EngineError(
            "VX.ENGINE is 'detectron2', but detectron2 cannot be imported; see 'Engines' in the "
            "README, or use --engine torchvision, which runs the same checkpoints"
        )
    return name


def build_detector(cfg: CfgNode) -> Detector:
    """The detector of a configuration, in the engine that ``VX.ENGINE`` selects.

    Raises:
        EngineError: the requested engine or device is not available.
        ConfigError, CheckpointError: the detector cannot be built from this configuration.
    """
    name = engine_name(cfg)
    if name == "onnx":
        from vx_detectron.engines.onnx_detector import OnnxDetector

        return OnnxDetector(cfg)
    if name == "torchvision":
        from vx_detectron.engines.torchvision_engine import TorchvisionEngine

        return TorchvisionEngine(cfg)
    from vx_detectron.engines.detectron2.engine import Detectron2Engine

    return Detectron2Engine(cfg)


def build_eye(cfg: CfgNode) -> Eye | None:
    """The eye that ``VX.EYE.NAME`` selects; None for ``none``.

    ``VX.ENGINE`` applies to it too: onnx is ONNX Runtime, torchvision and detectron2 are torch, and
    auto is ONNX Runtime where there is an exported file of the eye. Guests always run in ONNX
    Runtime.

    Raises:
        EngineError: no such eye, or what runs it, or the device, is not there.
        CheckpointError: its weights are missing, unsafe or of another network.
        DownloadError: a guest's file is missing and cannot be downloaded.
    """
    name: str = cfg.VX.EYE.NAME
    if name == NO_EYE:
        return None
    from vx_detectron.engines import guests, onnx_eye

    known = name == OWN_EYE or name in guests.GUESTS
    if not known and not name.lower().endswith((*_WEIGHTS, *EXPORTED)):
        raise EngineError(
            f"VX.EYE.NAME must be {OWN_EYE}, {NO_EYE}, a file of weights "
            f"({', '.join((*_WEIGHTS, *EXPORTED))}) or a guest ({', '.join(guests.GUESTS)}), "
            f"got {name!r}"
        )

    if onnx_eye.is_meant(cfg):
        return onnx_eye.OnnxEye(cfg)
    from vx_detectron.engines.torch_eye import TorchEye

    return TorchEye(cfg)


def build_segmenter(cfg: CfgNode) -> InteractiveSegmenter:
    """The segmenter that ``VX.HINTS.SEGMENTER`` selects.

    Raises:
        CheckpointError, EngineError: the network is requested and cannot be built.
    """
    from vx_detectron.engines.onnx_hints import HintNetwork, is_there
    from vx_detectron.interactive.graph_cut import GraphCut

    wanted = cfg.VX.HINTS.SEGMENTER
    if wanted == "network" or (wanted == "auto" and is_there(cfg)):
        return HintNetwork(cfg)
    return GraphCut()


def _detectron2_imports() -> bool:
    with warnings.catch_warnings():
        # Detectron2's own use of torch.jit, which nobody here can change.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import detectron2.modeling  # noqa: F401
        except ImportError:
            return False
    return True


def provenance_of(
    detector: Detector,
    eye: Eye | None,
    mask_source: str,
    refinement: tuple[str, ...],
    seconds: Mapping[str, float],
) -> Provenance:
    """What actually ran, for the record; for the last three see ``Provenance``."""
    return Provenance(
        engine=detector.name,
        device=detector.device,
        weights=detector.weights,
        weights_sha256=detector.weights_sha256,
        eye=eye.name if eye else NO_EYE,
        eye_engine=eye.engine if eye else "",
        eye_weights=eye.weights if eye else "",
        eye_sha256=eye.weights_sha256 if eye else "",
        mask_source=mask_source,
        refinement=refinement,
        seconds=seconds,
    )
