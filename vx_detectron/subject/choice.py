"""What a person chooses instead of the automatic choice, or in addition to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from vx_detectron.errors import SubjectError

_CHANGES = ("added", "removed")


@dataclass(frozen=True)
class Choice:
    """At most one way to choose (by default the ranking decides), and what to add or leave out.

    Attributes:
        label: a class name in any case; the best-ranked instance of it.
        rank: place in the ranking, 1 for the best.
        point: x, y in pixels of the photo; the instance there, the inner one of nested ones.
        box: x0, y0, x1, y1 in pixels of the photo; the instance whose box fits it best.
        everything: all instances with a sufficient detection score.
        instances: positions in ``Instances``, as chosen by clicks on the page.
        added: class names; the best-ranked instance of each joins the subject.
        removed: class names; no instance of them stays in the subject.

    Raises:
        SubjectError: more than one way is given, or a value is invalid.

    Example:
        >>> rider = Choice(label="person", added=("horse",))
        >>> Choice(label="dog", rank=2)
        Traceback (most recent call last):
        vx_detectron.errors.SubjectError: choose the subject in one way, got label and rank; ...
    """

    label: str | None = None
    rank: int | None = None
    point: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    everything: bool = False
    instances: tuple[int, ...] | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given = self.given
        if len(given) > 1:
            raise SubjectError(
                f"choose the subject in one way, got {' and '.join(given)}; leave out all but one"
            )
        for label in self.labels:
            if not label.strip():
                raise SubjectError("label must be the name of a class, got an empty one")
        both = {folded(name) for name in self.added} & {folded(name) for name in self.removed}
        if both:
            raise SubjectError(f"{min(both)} cannot be both added and removed; leave out one")
        if self.rank is not None and self.rank < 1:
            raise SubjectError(f"rank counts from 1 for the best candidate, got {self.rank}")
        if self.instances is not None and not self.instances:
            raise SubjectError("instances must contain at least one index, got none")
        if self.point is not None:
            _check_numbers("point", "x, y", self.point, 2)
        if self.box is not None:
            _check_numbers("box", "x0, y0, x1, y1", self.box, 4)
            x0, y0, x1, y1 = self.box
            if not (x0 < x1 and y0 < y1):
                raise SubjectError(
                    f"box must be x0, y0, x1, y1 with x0 < x1 and y0 < y1, got "
                    f"{listed_numbers(self.box)}"
                )

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the ways to choose that were given."""
        return tuple(
            one.name
            for one in fields(self)
            if getattr(self, one.name) not in (None, False) and one.name not in _CHANGES
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """All class names in it."""
        return (*(() if self.label is None else (self.label,)), *self.added, *self.removed)

    def __bool__(self) -> bool:
        return bool(self.given or self.added or self.removed)

    @property
    def method(self) -> str:
        """As a phrase, such as ``class person``, ``point 120, 80`` or ``ranking with dog``."""
        changes = [f" with {name.strip()}" for name in self.added]
        changes += [f" without {name.strip()}" for name in self.removed]
        return self._way() + "".join(changes)

    def _way(self) -> str:
        if self.label is not None:
            return f"class {self.label.strip()}"
        if self.rank is not None:
            return f"rank {self.rank}"
        for name in ("point", "box", "instances"):
            if getattr(self, name) is not None:
                return f"{name} {listed_numbers(getattr(self, name))}"
        return "everything" if self.everything else "ranking"


def folded(label: str) -> str:
    """The class name as it is compared."""
    return label.strip().casefold()


def _check_numbers(name: str, order: str, values: tuple[float, ...], count: int) -> None:
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise SubjectError(f"{name} must be {count} finite numbers {order}, got {values}")


def listed_numbers(values: tuple[float, ...]) -> str:
    """The numbers as a phrase, such as ``120, 80.5``."""
    return ", ".join(f"{value:g}" for value in values)
