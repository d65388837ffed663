"""Optional libraries: loaded when they are needed; an error names the extra if one is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from vx_detectron.errors import ConfigError


def needed(module: str, extra: str, purpose: str) -> ModuleType:
    """A module of an optional library.

    Args:
        module: its name, such as ``scipy.stats``.
        extra: the extra of this package that installs it.
        purpose: what it is for, as the start of a sentence.

    Raises:
        ConfigError: it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{purpose} needs {module.partition('.')[0]}, which cannot be imported ({error}); "
            f'install the extra {extra}: pip install "vx-detectron[{extra}]"'
        ) from error
