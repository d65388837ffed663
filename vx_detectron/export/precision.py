"""Lower precision for an exported network: float16 for GPUs, int8 for CPUs."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from vx_detectron.config.exported import PRECISION
from vx_detectron.export.glue import GLUE
from vx_detectron.export.metadata import stamp

Values = Mapping[str, NDArray[Any]]

# What float16 and int8 gain on; everything between them, the boxes' arithmetic, stays float32.
_HEAVY = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def to_float16(model: ModelProto) -> ModelProto:
    """The same network with its convolutions and matrices in float16; photo and answer stay."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    glue = [node.name for node in model.graph.node if node.name.startswith(GLUE)]
    blocked = sorted({node.op_type for node in model.graph.node} - _FLOAT16)
    half: ModelProto = convert_float_to_float16(
        copy.deepcopy(model), keep_io_types=True, op_block_list=blocked, node_block_list=glue
    )
    stamp(half, **{PRECISION: "float16"})
    return half


# Beside the heavy ones, what lies between them, so that no number is converted back and forth.
_FLOAT16 = _HEAVY | {
    "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Flatten", "GlobalAveragePool",
    "GroupNormalization", "InstanceNormalization", "MaxPool", "Mul", "Pad", "Relu", "Resize",
    "Sub",
}  # fmt: skip


def to_int8(model: ModelProto, photos: Iterable[Values]) -> ModelProto:
    """The same network with its convolutions and matrices in int8.

    Args:
        model: in float32.
        photos: inputs of the graph, to measure the range of every activation on; all values that
            occur in use should occur among them.
    """
    import onnxruntime
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    wanted = [node for node in model.graph.node if node.op_type in _HEAVY]
    names = [node.name for node in wanted if not node.name.startswith(GLUE)]
    onnxruntime.set_default_logger_severity(3)  # it warns of the inputs with a default
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises what is done here already
    try:
        with tempfile.TemporaryDirectory(prefix="vx-export-") as folder:
            source, target = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
            onnx.save(model, source)
            quantize_static(
                str(source),
                str(target),
                _reader(photos),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                calibrate_method=CalibrationMethod.MinMax,
                op_types_to_quantize=sorted(_HEAVY),
                nodes_to_quantize=names,
            )
            small = onnx.load(target)
    finally:
        logger.setLevel(level)
    stamp(small, **{one.key: one.value for one in model.metadata_props})
    stamp(small, **{PRECISION: "int8"})
    return small


def _reader(photos: Iterable[Values]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out one photo at a time, then None."""

        def __init__(self) -> None:
            self._photos = iter(photos)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            values = next(self._photos, None)
            return None if values is None else dict(values)

    return Reader()
