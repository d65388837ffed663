"""Parts of a network through torch's exporter, and their place in a larger graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import onnx
import onnx.compose
import torch
from onnx import ModelProto
from onnxscript import optimizer
from torch import nn

from vx_detectron.export.glue import OPSET, PART

_ANY = 2**31  # bytes


def export_part(part: nn.Module, shape: tuple[int, ...], dynamic: Mapping[int, Any]) -> ModelProto:
    """One part as ONNX.

    Args:
        part: takes one float32 tensor; its outputs are tensors.
        shape: of an input to trace it with.
        dynamic: axis to its name or multiple; the other axes stay as they are.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                part.eval(),
                (torch.zeros(shape),),
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=(dict(dynamic),),
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    assert program is not None
    # A norm that is folded into a convolution as the network runs is folded for good here.
    proto: ModelProto = optimizer.optimize(
        program.model_proto, input_size_limit=_ANY, output_size_limit=_ANY
    )
    return proto


def splice(whole: ModelProto, name: str, part: ModelProto) -> None:
    """Put the graph of a part in the place of the node ``part.NAME``."""
    (place,) = (
        i for i, node in enumerate(whole.graph.node) if (node.domain, node.op_type) == (PART, name)
    )
    node = whole.graph.node[place]
    inner = onnx.compose.add_prefix(part, f"{name}/").graph
    outer = dict(zip([one.name for one in inner.input], node.input, strict=True))
    outer |= dict(zip([one.name for one in inner.output], node.output, strict=True))
    assert not {one.name for one in inner.initializer} & set(outer), "a constant output"
    for one in inner.node:
        one.input[:] = [outer.get(value, value) for value in one.input]
        one.output[:] = [outer.get(value, value) for value in one.output]
        del one.metadata_props[:]
    nodes = [*whole.graph.node[:place], *inner.node, *whole.graph.node[place + 1 :]]
    del whole.graph.node[:]
    whole.graph.node.extend(nodes)
    whole.graph.initializer.extend(inner.initializer)
