"""Which sets of instances may be the subject: each alone, and those that go together.

Nearly half of the subjects people name are groups: rider and horse, player and racket, a couple.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from vx_detectron.structures import BoolArray, IntArray
from vx_detectron.subject.scene import Scene

Group = tuple[int, ...]

PERSON = "person"

_SEEDS = 12  # the most conspicuous instances; groups start from these
_PAIRED = 10  # and pairs are made of these
_TOP = 6  # at most this many of the most conspicuous are proposed together, whatever they are
_SIZES = (0.15, 0.3, 0.5)  # how much smaller than its neighbour a member may be
_CARRIED = 0.1  # the same for what a person holds, wears or rides


def propose(scene: Scene, groups: bool = True, most: int = 100) -> tuple[Group, ...]:
    """The sets of instances that may be the subject.

    Every instance alone; then, from the most conspicuous ones, pairs that touch or are alike, and
    all that is found by going from thing to thing along contact, likeness, and contact with a
    person; everything of a class; the most conspicuous few; and all of a small scene.

    Args:
        scene: the photo and its instances.
        groups: whether to propose more than single things.
        most: how many instances take part, the most conspicuous ones.

    Returns:
        Different sets, each with its most conspicuous member first. The order of the instances
        changes neither them nor their order.
    """
    order = [int(index) for index in scene.order[:most]]
    singles = [(index,) for index in order]
    if not groups:
        return tuple(singles)
    place = {index: position for position, index in enumerate(order)}
    proposed = (
        tuple(sorted(group & set(order), key=place.__getitem__)) for group in _groups(scene, order)
    )
    return tuple(dict.fromkeys([*singles, *proposed]))


def _groups(scene: Scene, order: list[int]) -> Iterator[set[int]]:
    """Sets around the first of the order; some are repeated, some have one member."""
    bound = scene.touching | scene.alike
    for one, other in combinations(order[:_PAIRED], 2):
        if bound[one, other]:
            yield {one, other}
    for bond in _bonds(scene):
        part = parts(bond)
        for seed in order[:_SEEDS]:
            yield {seed, *np.flatnonzero(bond[seed]).tolist()}
            yield set(np.flatnonzero(part == part[seed]).tolist())
    for count in range(2, min(len(order), _TOP) + 1):
        yield set(order[:count])
    if 0 < len(order) <= _SEEDS:
        yield set(order)


def _bonds(scene: Scene) -> Iterator[BoolArray]:
    """What may hold a group together: bool (N, N), symmetric."""
    areas = scene.areas
    ratio = np.minimum.outer(areas, areas) / np.maximum.outer(areas, areas)
    person = np.array([label == PERSON for label in scene.labels], dtype=np.bool_)
    carried = scene.touching & (person[:, None] | person[None, :])
    yield from (scene.alike, scene.touching, carried)
    for size in _SIZES:
        kin, near = scene.alike & (ratio >= size), scene.touching & (ratio >= size)
        yield from (kin, near, kin & near, kin | (carried & (ratio >= _CARRIED)))


def parts(bond: BoolArray) -> IntArray:
    """What hangs together along the bonds.

    Args:
        bond: bool (N, N), symmetric.

    Returns:
        int64 (N,), the same number, that of its first member, for all of one part.
    """
    count = len(bond)
    linked = bond | np.eye(count, dtype=np.bool_)
    labels = np.arange(count, dtype=np.int64)
    while True:
        least = np.where(linked, labels, count).min(axis=1, initial=count)
        if np.array_equal(least, labels):
            return labels
        labels = least
