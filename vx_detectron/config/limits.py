"""Which values of a key are valid: a test of the value, and a description of what it must be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from vx_detectron.errors import ConfigError

Limit = tuple[Callable[[Any], bool], str]


def check_limits(values: Mapping[str, Any], limits: Mapping[str, Limit]) -> None:
    """Raise ConfigError for the first invalid value. Missing keys pass."""
    for key, (fits, wanted) in limits.items():
        if key in values and not fits(values[key]):
            raise ConfigError(f"{key} must be {wanted}, got {values[key]!r}")


def at_least(least: float) -> Limit:
    """A finite number that is not below a bound."""
    return lambda value: _is_number(value) and value >= least, f"at least {least}"


def above(least: float) -> Limit:
    """A finite number greater than a bound."""
    return lambda value: _is_number(value) and value > least, f"above {least}"


def within(least: float, most: float) -> Limit:
    """A number between two bounds, which it may reach."""
    return lambda value: _is_number(value) and least <= value <= most, f"within {least}..{most}"


def one_of(*choices: Any) -> Limit:
    """One of a few values."""
    return lambda value: value in choices, "one of " + ", ".join(map(str, choices))


def each(limit: Limit, count: int | None = None, least: int = 1) -> Limit:
    """A list of values with a limit of their own, of a certain length or of a least one."""
    fits, wanted = limit
    length = f"{least} or more" if count is None else str(count)

    def fit(value: Any) -> bool:
        if not isinstance(value, list | tuple):
            return False
        right = len(value) >= least if count is None else len(value) == count
        return right and all(fits(one) for one in value)

    return fit, f"a list of {length}, each {wanted}"


def interval(least: float, most: float, kinds: tuple[type, ...] = (int, float)) -> Limit:
    """Two numbers in order between two bounds."""

    def fits(value: Any) -> bool:
        if len(value) != 2 or not all(type(one) in kinds for one in value):
            return False
        return bool(least <= value[0] <= value[1] <= most)

    return fits, f"two{' whole' * (float not in kinds)} numbers in order, within {least}..{most}"


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
