"""Which processor runs the network."""

from __future__ import annotations

import pytest
import torch

from vx_detectron.engines.device import resolve_device
from vx_detectron.errors import EngineError

CUDA = torch.cuda.is_available()


def test_the_cpu_is_always_there() -> None:
    assert resolve_device("cpu") == torch.device("cpu")


def test_auto_takes_cuda_where_there_is_some() -> None:
    assert resolve_device("auto") == torch.device("cuda:0" if CUDA else "cpu")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:x", "Cpu ", "0.5"])
def test_a_name_that_means_nothing_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match="must be auto, cpu, mps, cuda or cuda:N, got"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["mps", "meta", "xpu:1"])
def test_a_device_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match=f"'{name}'.* use --device auto or cpu"):
        resolve_device(name)


@pytest.mark.skipif(CUDA, reason="there is a CUDA device")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_cuda_without_cuda_is_an_error_and_not_the_cpu(name: str) -> None:
    with pytest.raises(EngineError, match=f"'{name}', but torch .* finds no such device"):
        resolve_device(name)


@pytest.mark.skipif(not CUDA, reason="needs CUDA")
def test_a_cuda_device_gets_its_number() -> None:
    assert resolve_device("cuda") == torch.device("cuda:0")
    with pytest.raises(EngineError, match="there are only"):
        resolve_device("cuda:99")
