"""The engine without torch: a detector that ``vx export`` wrote, in ONNX Runtime or OpenVINO."""

from __future__ import annotations

from pathlib import Path

from fvcore.common.config import CfgNode

from vx_detectron.config import exported, load_cfg
from vx_detectron.config.class_names import class_names
from vx_detectron.config.defaults import flatten
from vx_detectron.engines.output import to_instances
from vx_detectron.engines.preprocess import network_input
from vx_detectron.engines.sessions import can_run as can_run_sessions
from vx_detectron.engines.sessions import open_session
from vx_detectron.errors import ConfigError, VxError
from vx_detectron.structures import ByteArray, Instances
from vx_detectron.weights import catalog


class OnnxDetector:
    """Runs an exported detector on one photo at a time.

    Args:
        cfg: ``MODEL.WEIGHTS`` is the ONNX file, or bundled weights that have one beside them. The
            keys in ``config.exported.ADJUSTABLE`` and those of INPUT may differ from what was
            exported; no other key of the network may.

    Raises:
        ConfigError: a key that was exported with another value, and cannot differ.
        CheckpointError: a file that is missing, damaged or not a detector.
        EngineError: the runtime or the device is not available.
    """

    def __init__(self, cfg: CfgNode) -> None:
        self.weights = _exported_weights(cfg)
        path = catalog.resolve(self.weights)
        differing = differences(cfg, path)
        if differing:
            lines = "".join(f"\n  {line}" for line in differing)
            raise ConfigError(
                f"{self.weights} was exported with another configuration:{lines}\n"
                f"Give the file's own with --config-file {path}, or export it again."
            )
        self.cfg = cfg
        self.class_names = class_names(cfg)
        self.weights_sha256 = catalog.weights_sha256(path)
        self.session = open_session(path, cfg)
        self.name, self.device = self.session.engine, self.session.device
        self._settings = exported.adjustable_inputs(cfg)
        if not self.session.adjustable:
            _expect_own_values(cfg, path)

    def predict(self, image: ByteArray) -> Instances:
        """The things in one photo, uint8 (H, W, 3) RGB; see ``Instances``."""
        photo = network_input(self.cfg, image)
        boxes, scores, classes, masks = self.session.run({"image": photo, **self._settings})
        return to_instances(
            boxes,
            scores,
            classes,
            masks,
            network_size=(photo.shape[1], photo.shape[2]),
            image_size=(image.shape[0], image.shape[1]),
            class_names=self.class_names,
        )


def can_run(cfg: CfgNode) -> bool:
    """Whether there is an exported network for this configuration, and a runtime for it."""
    weights = catalog.exported_form(cfg.MODEL.WEIGHTS)
    if weights is None:
        return False
    try:
        return not differences(cfg, catalog.resolve(weights)) and can_run_sessions(cfg)
    except VxError:
        return False


def differences(cfg: CfgNode, path: Path) -> list[str]:
    """A line for every key that the exported file cannot follow.

    Raises:
        ConfigError: the file is not an exported detector.
    """
    theirs = load_cfg(path)
    own, other = flatten(cfg), flatten(theirs)
    return [
        f"{key}: exported with {other[key]!r}, got {own[key]!r}"
        for key in exported.fixed_differences(cfg, theirs)
    ]


def _expect_own_values(cfg: CfgNode, path: Path) -> None:
    """ConfigError for a key that differs from the file's own, for a runtime that cannot follow."""
    own, other = flatten(cfg), flatten(load_cfg(path))
    lines = "".join(
        f"\n  {key}: exported with {other[key]!r}, got {own[key]!r}"
        for key in exported.ADJUSTABLE.values()
        if own[key] != other[key]
    )
    if lines:
        raise ConfigError(
            f"OpenVINO runs {path} only as it was exported:{lines}\n"
            "Set VX.ONNX.RUNTIME to onnxruntime, or export it again."
        )


def _exported_weights(cfg: CfgNode) -> str:
    """The ONNX file that ``MODEL.WEIGHTS`` means; ConfigError where there is none."""
    weights = catalog.exported_form(cfg.MODEL.WEIGHTS)
    if weights is None:
        raise ConfigError(
            f"the onnx engine runs exported networks, and MODEL.WEIGHTS is {cfg.MODEL.WEIGHTS!r}; "
            "write one with `vx export -o NAME.onnx` and give it with --config-file NAME.onnx, or "
            "use another engine"
        )
    return weights
