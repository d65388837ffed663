"""PyAV, an optional library: loaded when it is needed; an error explains if it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from vx_detectron.errors import VideoError


def pyav() -> Any:
    """The module ``av``.

    Raises:
        VideoError: it is not installed.
    """
    return _load("av", "videos are read and written by PyAV")


def pyvirtualcam() -> Any:
    """The module ``pyvirtualcam``.

    Raises:
        VideoError: it is not installed.
    """
    return _load("pyvirtualcam", "a virtual camera is fed by pyvirtualcam", "virtualcam")


def _load(name: str, why: str, extra: str = "video") -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise VideoError(
            f'{why}, which cannot be imported ({error}): pip install "vx-detectron[{extra}]"'
        ) from error
