"""Text files that are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from vx_detectron.errors import DataError


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 by way of a temporary file beside it; missing folders are made.

    Raises:
        DataError: it cannot be written; what was there before is still there.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
