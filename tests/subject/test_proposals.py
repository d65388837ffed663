"""Which sets of instances are proposed."""

from __future__ import annotations

import numpy as np
from subject_scenes import Thing, blank, instances, salient

from vx_detectron.subject import look, propose
from vx_detectron.subject.proposals import parts

RIDER: Thing = ("person", (120, 15, 170, 110), 0.95)
HORSE: Thing = ("horse", (70, 90, 210, 185), 0.95)
FAR_DOG: Thing = ("dog", (260, 5, 290, 35), 0.95)


def proposed(things: list[Thing], **options: int) -> set[frozenset[int]]:
    scene = look(blank(), instances(things, salient()))
    groups = propose(scene, **options)
    assert len(set(map(frozenset, groups))) == len(groups)  # each once
    return set(map(frozenset, groups))


def test_each_alone_those_that_touch_and_all_of_a_small_scene() -> None:
    assert proposed([RIDER, HORSE, FAR_DOG]) == {
        frozenset(one) for one in ([0], [1], [2], [0, 1], [0, 1, 2])
    }


def test_a_herd_is_proposed_whole_and_without_its_smallest() -> None:
    large = [("horse", (10.0 + 45 * k, 60.0, 45.0 + 45 * k, 160.0), 0.9) for k in range(5)]
    foal = ("horse", (240.0, 100.0, 252.0, 130.0), 0.9)
    herd = [*large, foal, ("person", (280.0, 10.0, 295.0, 60.0), 0.9)]
    assert {frozenset(range(5)), frozenset(range(6))} <= proposed(herd)


def test_single_things_only_where_groups_are_not_wanted() -> None:
    assert proposed([RIDER, HORSE], groups=False) == {frozenset([0]), frozenset([1])}


def test_the_least_conspicuous_are_left_out_beyond_the_limit() -> None:
    assert proposed([FAR_DOG, RIDER, HORSE], most=2) == {
        frozenset(one) for one in ([1], [2], [1, 2])
    }


def test_a_hundred_things_give_some_hundreds_of_sets() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 150, (100, 2))
    crowd = [("person", (x, y, x + 40, y + 40), 0.9) for x, y in corners.tolist()]
    assert 100 < len(proposed(crowd)) < 500


def test_nothing_gives_nothing() -> None:
    assert proposed([]) == set()


def test_parts_hang_together_along_the_bonds() -> None:
    bond = np.zeros((6, 6), dtype=np.bool_)
    for one, other in ((0, 4), (4, 2), (1, 5)):
        bond[one, other] = bond[other, one] = True
    assert parts(bond).tolist() == [0, 1, 0, 3, 0, 1]
