"""An eye as one ONNX file: photo in, one map out, and the features for a hint decoder."""

from __future__ import annotations

import onnx
from onnx import ModelProto
from torch import Tensor, nn
from torch.export import Dim

from vx_detectron import __version__
from vx_detectron.config import exported
from vx_detectron.engines.eye_input import EyeInput
from vx_detectron.export.metadata import stamp
from vx_detectron.export.parts import Input, export_part, name_values
from vx_detectron.modeling.eye import EyeNet


class _FinestMap(nn.Module):
    """An eye may answer at several levels, the finest first; only that one is the map."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> Tensor:
        """(1, 3, h, w) to (1, 1, h', w')."""
        found = self.network(photo)
        finest: Tensor = found if isinstance(found, Tensor) else found[0]
        return finest


class _MapAndFeatures(nn.Module):
    """Our own eye: the features that its map is predicted from come out as well."""

    def __init__(self, network: EyeNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, h, w) to (1, 1, h / 2, w / 2) and the features at strides 2 to 32."""
        features = self.network.features(photo)
        return self.network.predictors[0](features[0]), *features


def export_eye(
    network: nn.Module, input: EyeInput, *, weights: str, sha256: str, licence: str = ""
) -> ModelProto:
    """An eye's network as ONNX in float32, with its metadata.

    The features of an ``EyeNet`` are outputs beside the map. Nothing is computed for them.

    Args:
        network: takes float32 (1, 3, h, w) as ``input.prepare`` makes it, and gives one map, or
            a list of maps with the finest first.
        input: what the network expects; stored inside the file.
        weights: the name of the file that it was made from, without its folder.
        sha256: of that file.
        licence: of that file, or empty.
    """
    step = input.multiple
    if input.side:
        sample, sides = (1, 3, input.side, input.side), {}
    else:
        sample, sides = (1, 3, 4 * step, 5 * step), {2: Dim("h") * step, 3: Dim("w") * step}
    if isinstance(network, EyeNet):
        model = export_part(_MapAndFeatures(network), Input(sample, sides))
        name_values(model, [exported.PHOTO], [exported.MAP, *exported.FEATURES])
    else:
        model = export_part(_FinestMap(network), Input(sample, sides))
        name_values(model, [exported.PHOTO], [exported.MAP])
    stamp(
        model,
        **{
            exported.KIND: exported.EYE,
            exported.VERSION: __version__,
            exported.WEIGHTS: weights,
            exported.WEIGHTS_SHA256: sha256,
            exported.LICENSE: licence or "unknown",
            exported.PRECISION: "float32",
            exported.INPUT: input.to_text(),
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return model
