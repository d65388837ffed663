"""What to call a file, and what to say about an error, in messages that are safe to print."""

from __future__ import annotations

import os
from typing import IO

Readable = str | os.PathLike[str] | bytes | IO[bytes]
Writable = str | os.PathLike[str] | IO[bytes]


def name_of(source: Readable | Writable, name: str | None = None) -> str:
    """The given name, else the path, else what the stream calls itself."""
    if name is None and isinstance(source, str | os.PathLike):
        name = os.fspath(source)
    if name is None:
        name = getattr(source, "name", None)
    return printable(name) if isinstance(name, str) else "the data"


def printable(text: str | os.PathLike[str]) -> str:
    """The text without what could steer a terminal or fail to encode."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in os.fspath(text))


def reason(error: Exception) -> str:
    """What went wrong, without the file name that an OSError repeats."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(words or type(error).__name__)
