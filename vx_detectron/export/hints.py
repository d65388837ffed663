"""The hint decoder as one ONNX file: the eye's features and the hint maps in, a mask out."""

from __future__ import annotations

import onnx
from onnx import ModelProto
from torch import Tensor, nn
from torch.export import Dim

from vx_detectron import __version__
from vx_detectron.config import exported
from vx_detectron.export.metadata import stamp
from vx_detectron.export.parts import Input, export_part, name_values
from vx_detectron.interactive.hint_maps import CHANNELS
from vx_detectron.modeling.eye import FEATURES, SIZE_DIVISIBILITY, STRIDES
from vx_detectron.modeling.hint_decoder import HintDecoder

_TRACED = 4, 5  # rows and columns of the coarsest features


class _Mask(nn.Module):
    """The decoder's finest mask, from its inputs one by one."""

    def __init__(self, decoder: HintDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, f2: Tensor, f4: Tensor, f8: Tensor, f16: Tensor, f32: Tensor, hints: Tensor
    ) -> Tensor:
        """The features at strides 2 to 32, and (1, 8, h, w), to (1, 1, h / 2, w / 2)."""
        mask: Tensor = self.decoder([f2, f4, f8, f16, f32], hints)[0]
        return mask


def export_hints(
    decoder: HintDecoder, *, weights: str, sha256: str, eye_sha256: str, licence: str = ""
) -> ModelProto:
    """The decoder as ONNX in float32, its norms folded, with its metadata.

    Its inputs are those outputs of the exported eye that begin with ``features_``, and ``hints``,
    float32 (1, 8, h, w), see ``interactive.hint_maps``; its output is ``map``, logits,
    (1, 1, h / 2, w / 2).

    Args:
        decoder: in evaluation mode; its norms are folded for good.
        weights: the name of the file that it was made from, without its folder.
        sha256: of that file.
        eye_sha256: of the file of the eye that it belongs to.
        licence: of the decoder's file, or empty.
    """
    rows, columns = Dim("h"), Dim("w")
    strides, channels = (*STRIDES, 1), (*FEATURES, len(CHANNELS))
    inputs = []
    for stride, count in zip(strides, channels, strict=True):
        step = SIZE_DIVISIBILITY // stride
        shape = (1, count, _TRACED[0] * step, _TRACED[1] * step)
        sides = (rows * step, columns * step) if step > 1 else (rows, columns)
        inputs.append(Input(shape, dict(zip((2, 3), sides, strict=True))))
    model = export_part(_Mask(decoder.fold()), *inputs)
    name_values(model, [*exported.FEATURES, exported.HINT_MAPS], [exported.MAP])
    stamp(
        model,
        **{
            exported.KIND: exported.HINTS,
            exported.VERSION: __version__,
            exported.WEIGHTS: weights,
            exported.WEIGHTS_SHA256: sha256,
            exported.EYE_SHA256: eye_sha256,
            exported.LICENSE: licence or "unknown",
            exported.PRECISION: "float32",
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return model
