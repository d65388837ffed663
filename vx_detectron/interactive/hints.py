"""The record of a person's marks: the same for Python, command line, API and page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from vx_detectron.errors import HintError

Kind = Literal["keep", "drop"]
Point = tuple[float, float]  # x, y
Box = tuple[float, float, float, float]  # x0, y0, x1, y1

MOST_POINTS = 200  # to keep and to drop, together
MOST_STROKES = 200
MOST_STROKE_POINTS = 2000

_ONE_BY_ONE, _TOGETHER = 16, 8  # strokes that are taken one after the other, or at a time

_KEYS = ("keep", "drop", "strokes", "box")
_STROKE_KEYS = ("kind", "width", "points")


@dataclass(frozen=True)
class Stroke:
    """A line drawn with a round brush; of one point only, a disc.

    Attributes:
        kind: ``keep`` or ``drop``.
        width: of the brush, in pixels of the photo.
        points: x, y of each corner of the line, in its order; at least one.

    Raises:
        HintError: an invalid value; the message begins with the name of the field.

    Example:
        >>> tap = Stroke("keep", 9, ((120, 80),))
        >>> line = Stroke("drop", 12.5, ((5, 5), (30, 8), (60, 8)))
        >>> Stroke("drop", -3, ((5, 5),))
        Traceback (most recent call last):
        vx_detectron.errors.HintError: width must be above 0, got -3
    """

    kind: Kind
    width: float
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if self.kind not in ("keep", "drop"):
            raise HintError(f"kind must be keep or drop, got {self.kind!r:.40}")
        object.__setattr__(self, "width", _number("width", self.width))
        if not self.width > 0:
            raise HintError(f"width must be above 0, got {self.width:g}")
        object.__setattr__(self, "points", _points("points", self.points))
        if not 1 <= len(self.points) <= MOST_STROKE_POINTS:
            raise HintError(
                f"points must be 1 to {MOST_STROKE_POINTS:,} points, got {len(self.points):,}"
            )

    def to_json(self) -> dict[str, Any]:
        """As ``Hints.to_json`` has it."""
        points = [list(point) for point in self.points]
        return {"kind": self.kind, "width": self.width, "points": points}


@dataclass(frozen=True)
class Hints:
    """What belongs to the cut-out and what does not, as marked by a person.

    All lengths are pixels of the photo; (0, 0) is the top left corner of its top left pixel. The
    box comes first, then the points to keep, the points to drop, and the strokes in their order:
    where two cover the same pixel, the later one counts.

    Attributes:
        keep: x, y of points that belong to the cut-out.
        drop: x, y of points that do not.
        strokes: the same, drawn with a brush.
        box: x0, y0, x1, y1; hints change nothing outside of it. Without any point or stroke to
            keep, it stands for the thing inside it.

    Raises:
        HintError: an invalid value; the message begins with the name of the field, such as
            ``strokes[2].width``.

    Example:
        >>> hints = Hints(keep=((40, 60),), strokes=(Stroke("drop", 12, ((5, 5), (30, 8))),))
        >>> Hints.from_json(hints.to_json()) == hints
        True
        >>> Hints(keep=((40, float("nan")),))
        Traceback (most recent call last):
        vx_detectron.errors.HintError: keep[0] must be finite numbers x, y, got (40, nan)
    """

    keep: tuple[Point, ...] = ()
    drop: tuple[Point, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    box: Box | None = None

    def __post_init__(self) -> None:
        for name in ("keep", "drop"):
            object.__setattr__(self, name, _points(name, getattr(self, name)))
        count = len(self.keep) + len(self.drop)
        if count > MOST_POINTS:
            raise HintError(
                f"keep and drop may have at most {MOST_POINTS} points in total, got {count:,}; "
                "draw strokes instead"
            )
        object.__setattr__(self, "strokes", tuple(self.strokes))
        if len(self.strokes) > MOST_STROKES:
            raise HintError(
                f"there may be at most {MOST_STROKES} strokes, got {len(self.strokes):,}"
            )
        if self.box is not None:
            object.__setattr__(self, "box", _box(self.box))

    def __bool__(self) -> bool:
        return bool(self.keep or self.drop or self.strokes or self.box)

    @property
    def keeps(self) -> bool:
        """Whether anything is marked to keep; a box alone marks the thing inside it."""
        marked = bool(self.keep) or any(stroke.kind == "keep" for stroke in self.strokes)
        only_box = self.box is not None and not self.drop and not self.strokes
        return marked or only_box

    @property
    def words(self) -> str:
        """A summary, such as ``2 points, 1 stroke and a box``."""
        parts = []
        points = len(self.keep) + len(self.drop)
        for count, word in ((points, "point"), (len(self.strokes), "stroke")):
            if count:
                parts.append(f"{count} {word}{'s' * (count > 1)}")
        if self.box is not None:
            parts.append("a box")
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

    def stages(self) -> tuple[Hints, ...]:
        """The marks so far, after each step: box and points together, then each stroke.

        A step refines what those before it have made. After 16 strokes, up to 8 go together. The
        stages of these hints and of the same with one more stroke are the same but for the last.
        """
        count = len(self.strokes)
        ends = [0] if self.keep or self.drop or not count else []
        ends += range(1, min(count, _ONE_BY_ONE) + 1)
        ends += range(_ONE_BY_ONE + _TOGETHER, count, _TOGETHER)
        ends += [count] if count > _ONE_BY_ONE else []
        return tuple(replace(self, strokes=self.strokes[:end]) for end in ends if self)

    def since(self, earlier: Hints | None) -> Hints:
        """What is new in it since one of its earlier stages; None for all of it. Keeps the box."""
        if earlier is None:
            return self
        return Hints(strokes=self.strokes[len(earlier.strokes) :], box=self.box)

    def scaled(self, x: float, y: float) -> Hints:
        """The same in a photo that is ``x`` times as wide and ``y`` times as high."""

        def moved(points: tuple[Point, ...]) -> tuple[Point, ...]:
            return tuple((x * px, y * py) for px, py in points)

        thickness = math.sqrt(x * y)
        strokes = tuple(
            Stroke(one.kind, thickness * one.width, moved(one.points)) for one in self.strokes
        )
        box = None
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            box = (x * x0, y * y0, x * x1, y * y1)
        return Hints(moved(self.keep), moved(self.drop), strokes, box)

    def expect_within(self, image_size: tuple[int, int]) -> None:
        """Check the hints against the photo's size.

        Args:
            image_size: its height and width, in pixels.

        Raises:
            HintError: a point or the whole box lies outside the photo, or a stroke is thinner than
                a pixel, wider than the photo's larger side, or farther outside than that side.
        """
        height, width = image_size
        larger = max(height, width)
        photo = f"the photo, {width} x {height} pixels"
        for name in ("keep", "drop"):
            for index, (x, y) in enumerate(getattr(self, name)):
                if not (0 <= x <= width and 0 <= y <= height):
                    raise HintError(f"{name}[{index}] must lie within {photo}, got {x:g}, {y:g}")
        for index, stroke in enumerate(self.strokes):
            if not 1 <= stroke.width <= larger:
                raise HintError(
                    f"strokes[{index}].width must be 1 to {larger}, the larger side of {photo}, "
                    f"got {stroke.width:g}"
                )
            for x, y in stroke.points:
                if not (-larger <= x <= width + larger and -larger <= y <= height + larger):
                    raise HintError(
                        f"strokes[{index}].points must lie in or near {photo}, got {x:g}, {y:g}"
                    )
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (x0 < width and y0 < height and x1 > 0 and y1 > 0):
                raise HintError(f"box must overlap {photo}, got {_listed(self.box)}")

    def to_json(self) -> dict[str, Any]:
        """The form that ``docs/hints.md`` describes; ``from_json`` reads it back."""
        return {
            "keep": [list(point) for point in self.keep],
            "drop": [list(point) for point in self.drop],
            "strokes": [stroke.to_json() for stroke in self.strokes],
            "box": None if self.box is None else list(self.box),
        }

    @classmethod
    def from_json(cls, value: Any) -> Hints:
        """Read the output of ``json.loads``. Keys are optional, but unknown ones are errors.

        Raises:
            HintError: the format is wrong; the message begins with the name of the field.
        """
        given = _object("hints", value, _KEYS)
        strokes = []
        listed = _list("strokes", given.get("strokes", []), MOST_STROKES)
        for index, one in enumerate(listed):
            name = f"strokes[{index}]"
            stroke = _object(name, one, _STROKE_KEYS)
            missing = [key for key in _STROKE_KEYS if key not in stroke]
            if missing:
                raise HintError(f"{name}.{missing[0]} is missing")
            try:
                points = _list("points", stroke["points"], MOST_STROKE_POINTS)
                strokes.append(Stroke(stroke["kind"], stroke["width"], cast(Any, points)))
            except HintError as error:
                raise HintError(f"{name}.{error}") from None
        return cls(
            cast(Any, _list("keep", given.get("keep", []), MOST_POINTS)),
            cast(Any, _list("drop", given.get("drop", []), MOST_POINTS)),
            tuple(strokes),
            given.get("box"),
        )


def _object(name: str, value: Any, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise HintError(f"{name} must be an object with {', '.join(keys)}, got {value!r:.40}")
    for key in value:
        if key not in keys:
            raise HintError(f"{name} may have {', '.join(keys)}, got {key!r:.40}")
    return value


def _list(name: str, value: Any, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise HintError(f"{name} must be a list, got {value!r:.40}")
    if len(value) > most:
        raise HintError(f"{name} may have {most:,} entries at most, got {len(value):,}")
    return value


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


def _number(name: str, value: Any) -> float:
    if not _is_finite(value):
        raise HintError(f"{name} must be a finite number, got {value!r:.40}")
    return float(value)


def _numbers(name: str, order: str, value: Any) -> tuple[float, ...]:
    wanted = order.count(",") + 1
    listed = list(value) if isinstance(value, list | tuple) else []
    if len(listed) != wanted or not all(map(_is_finite, listed)):
        raise HintError(f"{name} must be finite numbers {order}, got {value!r:.40}")
    return tuple(map(float, listed))


def _points(name: str, values: Any) -> tuple[Point, ...]:
    found = [_numbers(f"{name}[{index}]", "x, y", one) for index, one in enumerate(values)]
    return cast("tuple[Point, ...]", tuple(found))


def _box(value: Any) -> Box:
    x0, y0, x1, y1 = _numbers("box", "x0, y0, x1, y1", value)
    if not (x0 < x1 and y0 < y1):
        raise HintError(
            f"box must be x0, y0, x1, y1 with x0 < x1 and y0 < y1, got {_listed((x0, y0, x1, y1))}"
        )
    return x0, y0, x1, y1


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
