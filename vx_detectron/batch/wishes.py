"""The options of a single photo in a list: another subject, another background."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from vx_detectron.deliver import Background, read_background
from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import ConfigError
from vx_detectron.image_io import MAX_BYTES, MAX_PIXELS
from vx_detectron.interactive import Hints
from vx_detectron.subject import Choice

COLUMNS = (
    "subject", "rank", "point", "box", "all", "with", "without", "keep", "drop", "background",
)  # fmt: skip
"""The columns of a list, named like the options of the command line; ``point`` is its ``--at``."""


def wishes_of(row: Mapping[str, Any]) -> str | None:
    """The columns of one row that are filled in, as sorted json; None for none.

    >>> wishes_of({"path": "a.jpg", "subject": "dog", "rank": None, "background": ""})
    '{"subject": "dog"}'
    """
    given = {name: row[name] for name in COLUMNS if row.get(name) not in (None, "")}
    return json.dumps(given, sort_keys=True, default=str) if given else None


def fingerprint_of(base: str, wishes: str | None) -> str:
    """The fingerprint of all options of one photo: the run's own where it has no wishes."""
    if wishes is None:
        return base
    return hashlib.sha256(f"{base} {wishes}".encode()).hexdigest()[:16]


def apply(
    wishes: str | None,
    choice: Choice,
    finish: Finish,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> tuple[Choice, Finish, Hints | None]:
    """The choice, finish and hints of one photo: its own where it has some, else the run's.

    Args:
        wishes: see ``wishes_of``.
        choice: the run's.
        finish: the run's.
        max_pixels: of a background picture, as of a photo.
        max_bytes: of its file.

    Raises:
        ConfigError: a value cannot be read.
        HintError: invalid points.
        SubjectError: the choice contradicts itself.
        ImageError: the background picture cannot be read, or is larger than that.
    """
    if wishes is None:
        return choice, finish, None
    own: dict[str, Any] = json.loads(wishes)
    background = own.pop("background", None)
    if background is not None:
        finish = replace(finish, background=_background(str(background), max_pixels, max_bytes))
    keep, drop = _points("keep", own.pop("keep", None)), _points("drop", own.pop("drop", None))
    hints = Hints(keep, drop) if keep or drop else None
    if own:
        choice = Choice(
            label=_text(own.get("subject")),
            rank=None if "rank" not in own else int(_numbers("rank", own["rank"], 1)[0]),
            point=_numbers("point", own["point"], 2) if "point" in own else None,
            box=_numbers("box", own["box"], 4) if "box" in own else None,
            everything=_truth(own.get("all")),
            added=_names(own.get("with")),
            removed=_names(own.get("without")),
        )
    return choice, finish, hints


@lru_cache(maxsize=8)
def _background(text: str, max_pixels: int, max_bytes: int) -> Background:
    return read_background(text, max_pixels=max_pixels, max_bytes=max_bytes)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _names(value: Any) -> tuple[str, ...]:
    """Class names, as a list or separated by commas."""
    if value is None:
        return ()
    words = value if isinstance(value, list) else str(value).split(",")
    return tuple(str(word).strip() for word in words)


def _points(name: str, value: Any) -> tuple[Any, ...]:
    """Points as a list of pairs, or as text: ``120,80; 30,40``."""
    if value is None:
        return ()
    parts = value if isinstance(value, list) else str(value).split(";")
    return tuple(_numbers(name, part, 2) for part in parts)


def _truth(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().casefold()
    if word not in ("true", "false", "1", "0", "yes", "no"):
        raise ConfigError(f"all: expected true or false, got {value!r}")
    return word in ("true", "1", "yes")


def _numbers(name: str, value: Any, count: int) -> Any:
    """As many numbers, as a list or separated by commas."""
    parts = value if isinstance(value, list | tuple) else str(value).split(",")
    try:
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != count or (name == "rank" and numbers[0] % 1):
        kind = "a whole number" if name == "rank" else f"{count} numbers, separated by commas"
        raise ConfigError(f"{name}: expected {kind}, got {value!r}")
    return numbers
