"""The random weights that Detectron2's layers start from; all biases start at 0."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Layer = TypeVar("Layer", bound=nn.Conv2d | nn.ConvTranspose2d | nn.Linear)


def msra(layer: Layer) -> Layer:
    """For a layer with ReLU behind it (He et al., 2015): Caffe2's MSRAFill."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return _without_bias(layer)


def xavier(layer: Layer) -> Layer:
    """Caffe2's XavierFill, which is uniform."""
    nn.init.kaiming_uniform_(layer.weight, a=1)
    return _without_bias(layer)


def normal(layer: Layer, std: float) -> Layer:
    """Normal of this standard deviation."""
    nn.init.normal_(layer.weight, std=std)
    return _without_bias(layer)


def _without_bias(layer: Layer) -> Layer:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
