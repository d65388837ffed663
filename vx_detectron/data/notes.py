"""What was corrected or skipped while reading data: no data is lost, but it is worth knowing."""

from __future__ import annotations

from typing import Any


class Notes:
    """Remarks, each kind counted and kept with its first example."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, text: str, example: Any, count: int = 1) -> None:
        """Note one more case, or several, of a kind."""
        before, first = self._found.get(text, (0, str(example)))
        self._found[text] = before + count, first

    def lines(self) -> list[str]:
        """One line for each kind, in the order in which they came up."""
        return [
            f"{text}: {count}, such as {first}" if count > 1 else f"{text}: {first}"
            for text, (count, first) in self._found.items()
        ]
