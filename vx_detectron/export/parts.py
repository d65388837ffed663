"""Parts of a network through torch's exporter, and their place in a larger graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import onnx
import onnx.compose
import torch
from onnx import ModelProto
from onnxscript import optimizer
from torch import nn

from vx_detectron.export.glue import OPSET, PART

_ANY = 2**31  # bytes


class Input(NamedTuple):
    """One input of a part, float32.

    Attributes:
        shape: to trace the part with.
        dynamic: axis to its name or multiple; the other axes stay as they are.
    """

    shape: tuple[int, ...]
    dynamic: Mapping[int, Any]


def export_part(part: nn.Module, *inputs: Input) -> ModelProto:
    """One part as ONNX.

    Args:
        part: takes float32 tensors; its outputs are tensors.
        inputs: what it takes, in their order.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                part.eval(),
                tuple(torch.zeros(one.shape) for one in inputs),
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=tuple(dict(one.dynamic) for one in inputs),
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    assert program is not None
    # A norm that is folded into a convolution as the network runs is folded for good here.
    proto: ModelProto = optimizer.optimize(
        program.model_proto, input_size_limit=_ANY, output_size_limit=_ANY
    )
    _forget_origin(proto)
    return proto


def _forget_origin(model: ModelProto) -> None:
    """Leave out the exporter's notes, which hold paths of the machine that it ran on."""
    graph = model.graph
    for one in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del one.metadata_props[:]
        one.doc_string = ""
    del graph.metadata_props[:]


def name_values(model: ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give the inputs and the outputs of a graph these names, in their order."""
    graph = model.graph
    places = [*zip(graph.input, inputs, strict=True), *zip(graph.output, outputs, strict=True)]
    names = {place.name: name for place, name in places}
    assert len(names) == len(places), "an input that is an output, or the same output twice"
    for place, name in places:
        place.name = name
    for node in graph.node:
        node.input[:] = [names.get(one, one) for one in node.input]
        node.output[:] = [names.get(one, one) for one in node.output]


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
