"""Files that are written completely or not at all: the one place where an output gets its name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vx_detectron.errors import DataError, ImageError


@contextmanager
def replacing(path: Path, workshop: Path | None = None) -> Iterator[Path]:
    """A temporary path beside the target, which takes the target's name when the block ends.

    If the block raises, the temporary file is removed and the target stays as it was. The
    temporary name starts with a dot and ends with ``.part``; it cannot clash with another run's.

    Args:
        path: the file to write, in an existing folder. A link stays a link.
        workshop: another existing folder on the same disk for the temporary file, so that what a
            killed process leaves lies in one place.

    Raises:
        OSError: the file cannot be renamed; the previous file is unchanged.
    """
    path = Path(os.path.realpath(path))
    temporary = (workshop or path.parent) / f".{secrets.token_hex(8)}.part"
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; missing folders are created.

    Raises:
        DataError: it cannot be written; the previous file is unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def make_folder_for(output: str | Path) -> None:
    """Create the folder of an output, and its parents.

    Raises:
        ImageError: it cannot be created.
    """
    folder = Path(output).parent
    missing = []
    while not folder.is_dir() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    try:
        for one in reversed(missing):  # Path.mkdir(parents=True) recurses: not for 1,200 levels
            one.mkdir(exist_ok=True)
    except OSError as error:
        raise ImageError(
            f"{output}: its folder cannot be created: {error.strerror or error}"
        ) from error
