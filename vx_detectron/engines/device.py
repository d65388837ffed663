"""Which processor runs the network. A requested one that is missing is an error."""

from __future__ import annotations

import torch

from vx_detectron.errors import EngineError


def resolve_device(name: str) -> torch.device:
    """The device that ``MODEL.DEVICE`` means: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``.

    ``auto`` is the first GPU with CUDA, or else the processor; Apple's GPU must be asked for.

    Raises:
        EngineError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EngineError(
            f"MODEL.DEVICE must be auto, cpu, mps, cuda or cuda:N, got {name!r}"
        ) from error
    if device.type == "cpu" or (device.type == "mps" and torch.backends.mps.is_available()):
        return device
    if device.type != "cuda" or not torch.cuda.is_available():
        raise EngineError(
            f"MODEL.DEVICE is {name!r}, but torch {torch.__version__} finds no such device; "
            "use --device auto or cpu, or install a CUDA build and driver"
        )
    if (device.index or 0) >= torch.cuda.device_count():
        raise EngineError(
            f"MODEL.DEVICE is {name!r}, but there are only {torch.cuda.device_count()} CUDA devices"
        )
    return torch.device("cuda", device.index or 0)
