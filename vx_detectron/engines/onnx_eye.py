"""An eye in ONNX Runtime: ours as ``vx export`` wrote it, or a guest that somebody else trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fvcore.common.config import CfgNode

from vx_detectron.config import exported
from vx_detectron.engines.eye_input import GUESTS, EyeInput, guest, mean_of_looks
from vx_detectron.engines.onnx_runtime import Session
from vx_detectron.errors import CheckpointError, ConfigError
from vx_detectron.structures import ByteArray, FloatArray
from vx_detectron.weights import catalog


class OnnxEye:
    """Maps the main subject of one photo at a time.

    Args:
        weights: as ``MODEL.WEIGHTS`` names files: a path, ``bundled://`` or ``https://``.
        cfg: MODEL.DEVICE and VX.ONNX say where it runs.
        input: what the network wants; by default what the file says of itself, or the row of
            ``GUESTS`` that its name begins with.
        mirrored_sizes: short sides of further looks, each mirrored, in pixels; the map is the
            mean of all looks.

    Attributes:
        name: ``onnx``.
        device: such as ``cpu`` or ``cuda:0``.
        weights: as they were named.
        weights_sha256: their digest.

    Raises:
        CheckpointError: a file that is missing, damaged, a detector, or a guest that is not known.
        EngineError: ONNX Runtime or the device is not there.
    """

    name = "onnx"

    def __init__(
        self,
        weights: str,
        cfg: CfgNode,
        input: EyeInput | None = None,
        mirrored_sizes: Sequence[int] = (),
    ) -> None:
        path = catalog.resolve(weights)
        self.input = input or _input_of(path)
        self.mirrored_sizes = tuple(mirrored_sizes)
        self.weights, self.weights_sha256 = weights, catalog.sha256_of(path)
        self.session = Session(path, cfg)
        self.device = self.session.device
        if len(self.session.inputs) != 1:
            raise CheckpointError(
                f"{weights} cannot be an eye: it has {len(self.session.inputs)} inputs, "
                "expected one, the photo"
            )
        ((self._photo, shape),) = self.session.inputs.items()
        sides = [side for side in shape[2:] if isinstance(side, int)]
        if len(shape) != 4 or (sides and sides != list(self.input.size(1, 1))):
            raise CheckpointError(
                f"{weights} takes arrays of shape {shape}, expected (1, 3, height, width) "
                f"for a short side of {self.input.shortest} px; give the numbers of this network"
            )

    def look(self, image: ByteArray) -> FloatArray:
        """Where the main subject of a photo is.

        Args:
            image: uint8 (H, W, 3), RGB.

        Returns:
            float32 (h, w), 0..1, over the whole photo at the network's own resolution.
        """
        first = self._look(self.input.prepare(image))
        others = [
            self._look(self.input.prepare(image, size)[..., ::-1])[:, ::-1]
            for size in self.mirrored_sizes
        ]
        return mean_of_looks([first, *others])

    def _look(self, photo: FloatArray) -> FloatArray:
        values = {self._photo: np.ascontiguousarray(photo)}
        (output,) = self.session.run(values, self.session.outputs[:1])
        if output.ndim < 2 or output.size != output.shape[-2] * output.shape[-1]:
            raise CheckpointError(
                f"{self.weights} gives an array of shape {output.shape}, expected one map"
            )
        return self.input.probabilities(output.reshape(output.shape[-2:]))


def _input_of(path: Path) -> EyeInput:
    try:
        metadata = exported.read_metadata(path)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    if metadata.get(exported.KIND) == exported.DETECTOR:
        raise CheckpointError(f"{path} is a detector, expected an eye")
    if exported.INPUT in metadata and metadata.get(exported.KIND) == exported.EYE:
        return EyeInput.from_text(metadata[exported.INPUT])
    known = guest(path.name)
    if known is None:
        raise CheckpointError(
            f"{path} does not say how it wants its photo, and its name is not one of the networks "
            f"known here ({', '.join(GUESTS)}); rename it, or give the numbers of its input"
        )
    return known
