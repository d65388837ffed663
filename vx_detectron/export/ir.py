"""OpenVINO's form of an exported network, made from its ONNX."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from onnx import ModelProto

from vx_detectron.config.exported import PRECISION
from vx_detectron.errors import ConfigError
from vx_detectron.extras import needed
from vx_detectron.ir_file import NUMBERS_SHA256, numbers_of


def save_ir(model: ModelProto, path: Path, *, half: bool = False) -> None:
    """Write a network as OpenVINO IR, with its metadata.

    Args:
        model: as ``export`` made it.
        path: of the ``.xml``; its weights go to the ``.bin`` beside it.
        half: store float32 weights as float16. OpenVINO itself decides in what it computes. It
            does not take a network in float16 throughout: of a detector, its CPU plugin breaks off.

    Raises:
        ConfigError: OpenVINO is not installed, or cannot read the network.
        OSError: it cannot be written.
    """
    openvino = needed("openvino", "openvino", "writing .xml")
    try:
        # Not openvino.convert_model, which does the same and reports each use to its makers.
        network = openvino.Core().read_model(model.SerializeToString())
    except Exception as error:  # OpenVINO's errors have no common class of their own
        raise ConfigError(
            f"OpenVINO {openvino.__version__} cannot read this network: {error}"
        ) from error
    if half:
        network.set_rt_info("float16", ["framework", PRECISION])
    path = path.resolve()  # a link stays a link
    with TemporaryDirectory(prefix=".vx-export-", dir=path.parent) as folder:
        made = Path(folder, "network.xml")
        openvino.save_model(network, made, compress_to_fp16=half)
        # Once more: the two are not replaced in one moment, so the one says which other it means.
        digest = hashlib.sha256(numbers_of(made).read_bytes()).hexdigest()
        network.set_rt_info(digest, NUMBERS_SHA256)
        openvino.save_model(network, made, compress_to_fp16=half)
        numbers_of(made).replace(numbers_of(path))
        made.replace(path)
