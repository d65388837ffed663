"""The page's own backgrounds, drawn by code at any size."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from vx_detectron.structures import ByteArray, DoubleArray

Grid = tuple[DoubleArray, DoubleArray]  # y and x of each pixel, 0..1


def _blend(stops: list[tuple[float, tuple[int, int, int]]], at: DoubleArray) -> DoubleArray:
    """A gradient: the colours at their places 0..1, and in between."""
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [rgb[c] for _, rgb in stops]) for c in range(3)]
    return np.stack(channels, axis=-1)


def _over(below: DoubleArray, rgb: tuple[int, int, int], share: DoubleArray) -> DoubleArray:
    return below + (np.array(rgb) - below) * share[..., None]


def _studio(grid: Grid) -> DoubleArray:
    y, x = grid
    wall = _blend([(0, (248, 247, 244)), (1, (205, 203, 198))], np.hypot(x - 0.5, y - 0.35) / 0.85)
    floor = np.clip((y - 0.72) / 0.28, 0, 1)
    return _over(wall, (236, 234, 229), 0.7 * floor)


def _dusk(grid: Grid) -> DoubleArray:
    y, x = grid
    sky = [(0, (43, 45, 92)), (0.45, (150, 84, 126)), (0.7, (244, 151, 108)), (1, (255, 205, 140))]
    picture = _blend(sky, y / 0.85)
    sun = np.exp(-(((x - 0.68) ** 2 + (y - 0.66) ** 2) / 0.012))
    picture = _over(picture, (255, 236, 196), 0.85 * sun)
    for level, height, speed, phase, rgb in (
        (0.78, 0.05, 7.0, 0.4, (108, 70, 110)),
        (0.88, 0.04, 11.0, 2.0, (62, 46, 84)),
    ):
        ridge = level + height * np.sin(speed * x + phase) * np.cos(0.6 * speed * x)
        picture = _over(picture, rgb, _step(y - ridge))
    return picture


def _sea(grid: Grid) -> DoubleArray:
    y, x = grid
    sky = _blend([(0, (124, 184, 226)), (1, (232, 244, 248))], y / 0.55)
    water = _blend([(0, (86, 160, 184)), (1, (18, 78, 116))], (y - 0.55) / 0.45)
    waves = 0.5 + 0.5 * np.sin(60 * x + 900 * (y - 0.5) ** 2 + 3 * np.sin(9 * y + 7 * x))
    water = _over(water, (214, 240, 244), 0.12 * waves**3)
    return sky + (water - sky) * _step(y - 0.55)[..., None]


def _meadow(grid: Grid) -> DoubleArray:
    y, x = grid
    picture = _blend([(0, (150, 203, 236)), (1, (238, 246, 236))], y / 0.6)
    for level, height, phase, rgb in (
        (0.56, 0.05, 0.0, (158, 196, 140)),
        (0.68, 0.06, 1.7, (118, 172, 102)),
        (0.82, 0.05, 3.6, (82, 142, 78)),
    ):
        hill = level + height * np.sin(4.0 * x + phase)
        shade = np.clip(1 - (y - hill) * 1.2, 0.6, 1)[..., None]
        share = _step(y - hill)[..., None]
        picture = picture + (np.array(rgb) * shade - picture) * share
    return picture


def _paper(grid: Grid) -> DoubleArray:
    y, x = grid
    corner = np.clip(np.hypot(x - 0.5, y - 0.5) / 0.75, 0, 1)
    return _blend([(0, (250, 240, 222)), (1, (226, 204, 172))], corner**2)


def _step(distance: DoubleArray) -> DoubleArray:
    """0 above an edge, 1 below it, soft over a pixel or two."""
    return np.clip(distance * 400 + 0.5, 0, 1)


_SCENES: dict[str, Callable[[Grid], DoubleArray]] = {
    "studio": _studio,
    "paper": _paper,
    "dusk": _dusk,
    "sea": _sea,
    "meadow": _meadow,
}

NAMES = tuple(_SCENES)


@lru_cache(maxsize=2 * len(NAMES))
def draw(name: str, height: int, width: int) -> ByteArray:
    """One of the scenes in ``NAMES``: uint8 (height, width, 3), RGB; kept, so not to be changed."""
    y, x = np.mgrid[:height, :width]
    drawn = _SCENES[name](((y + 0.5) / height, (x + 0.5) / width))
    picture = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
    picture.setflags(write=False)
    return picture
