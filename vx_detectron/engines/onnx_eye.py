"""An eye without torch: ours as ``vx export`` wrote it, or a guest that somebody else trained."""

from __future__ import annotations

from pathlib import Path

from fvcore.common.config import CfgNode

from vx_detectron.config import exported
from vx_detectron.engines import OWN_EYE, guests, looks, sessions
from vx_detectron.engines.eye_input import EyeInput
from vx_detectron.engines.sessions import Session, open_session
from vx_detectron.errors import CheckpointError, ConfigError
from vx_detectron.structures import ByteArray, FloatArray
from vx_detectron.weights import catalog


class OnnxEye:
    """Maps the main subject of one photo at a time.

    A guest that takes one size only looks once, at the whole photo; ``VX.EYE.SIZES`` and
    ``VX.EYE.ZOOM`` are for eyes that take any size.

    Args:
        cfg: VX.EYE names the guest or the file and says how to look; MODEL.DEVICE and VX.ONNX
            where it runs.
        input: what the network wants; by default what the file says of itself, or the guest's that
            its name begins like.

    Raises:
        CheckpointError: a file that is missing, damaged, a detector, or a guest that is not known.
        DownloadError: a guest that is not here and cannot be fetched.
        EngineError: the runtime or the device is not available.
    """

    def __init__(self, cfg: CfgNode, input: EyeInput | None = None) -> None:
        self.name: str = cfg.VX.EYE.NAME
        self.sizes: tuple[int, ...] = tuple(cfg.VX.EYE.SIZES)
        self.zoom: bool = cfg.VX.EYE.ZOOM
        self.weights, path = _weights_of(_asked(cfg))
        self.input = input or _input_of(path, self.name)
        self.weights_sha256 = catalog.weights_sha256(path)
        self.session = open_session(path, cfg)
        self.engine, self.device = self.session.engine, self.session.device
        self._photo = _photo_input(self.session, self.input, self.weights)

    def look(self, image: ByteArray) -> FloatArray:
        """The map of one photo, uint8 (H, W, 3) RGB; see ``engines.Eye``."""
        if self.input.side:
            return self._run(looks.resize_photo(image, (self.input.side, self.input.side)))
        return looks.look(
            self._run, image, self.sizes, multiple=self.input.multiple, zoom=self.zoom
        )

    def _run(self, seen: ByteArray) -> FloatArray:
        values = {self._photo: self.input.prepare(seen)}
        (output,) = self.session.run(values, self.session.outputs[:1])
        if output.ndim < 2 or output.size != output.shape[-2] * output.shape[-1]:
            raise CheckpointError(
                f"{self.weights} gives an array of shape {output.shape}, expected one map"
            )
        return self.input.probabilities(output.reshape(output.shape[-2:]))


def is_meant(cfg: CfgNode) -> bool:
    """Whether ``VX.ENGINE`` and ``VX.EYE`` mean ONNX Runtime rather than torch."""
    asked = _asked(cfg)
    if (
        cfg.VX.ENGINE == "onnx"
        or asked in guests.GUESTS
        or asked.lower().endswith(exported.SUFFIXES)
    ):
        return True
    form = catalog.exported_form(asked) if cfg.VX.ENGINE == "auto" else None
    return form is not None and sessions.can_run(cfg)


def _asked(cfg: CfgNode) -> str:
    weights: str = cfg.VX.EYE.WEIGHTS if cfg.VX.EYE.NAME == OWN_EYE else cfg.VX.EYE.NAME
    return weights


def _weights_of(asked: str) -> tuple[str, Path]:
    """Where the weights come from, and their file."""
    if asked in guests.GUESTS:
        path = guests.resolve(asked)
        return guests.GUESTS[asked].file.url or str(path), path
    weights = catalog.exported_form(asked)
    if weights is None:
        raise CheckpointError(
            f"ONNX Runtime runs exported eyes, and the eye is {asked!r}; write one with "
            "`vx export --eye -o NAME.onnx` and set VX.EYE.NAME to it, or use another engine"
        )
    return weights, catalog.resolve(weights)


def _photo_input(session: Session, wanted: EyeInput, weights: str) -> str:
    """The name of the network's only input, if it takes the photos that it will be given."""
    if len(session.inputs) != 1:
        raise CheckpointError(
            f"{weights} cannot be an eye: it has {len(session.inputs)} inputs, expected one, the "
            "photo"
        )
    ((name, shape),) = session.inputs.items()
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(shape) != 4 or shape[1] != 3 or any(side != wanted.side for side in fixed):
        size = f"{wanted.side}, {wanted.side}" if wanted.side else "height, width"
        raise CheckpointError(f"{weights} takes arrays of shape {shape}, expected (1, 3, {size})")
    return name


def _input_of(path: Path, name: str) -> EyeInput:
    if name in guests.GUESTS:
        return guests.GUESTS[name].input
    try:
        metadata = exported.read_metadata(path)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    if metadata.get(exported.KIND) == exported.DETECTOR:
        raise CheckpointError(f"{path} is a detector, expected an eye")
    if exported.INPUT in metadata and metadata.get(exported.KIND) == exported.EYE:
        return EyeInput.from_text(metadata[exported.INPUT])
    known = guests.guest_of(path.name)
    if known is None:
        raise CheckpointError(
            f"{path} does not say how it wants its photo, and its name does not begin like that of "
            f"a guest that is known here ({', '.join(guests.GUESTS)}); rename it if it is one"
        )
    return known.input
