"""Another choice in an open photo: the same pixels as in a fresh one, and less work."""

from __future__ import annotations

import numpy as np
import pytest

from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray
from vx_detectron.subject import Choice, selection


@pytest.fixture(scope="module")
def isolator() -> Isolator:
    return Isolator()


CHOICES = (
    None, Choice(everything=True), Choice(instances=(0,)), Choice(instances=(1,)), Choice(rank=2),
    Choice(label="person", removed=("cup",)), None,
)  # fmt: skip


def test_the_same_pixels_whatever_was_chosen_before(
    isolator: Isolator, astronaut: ByteArray
) -> None:
    opened = isolator.open(astronaut)
    assert len(opened.instances) >= 2
    fresh = [isolator.isolate(astronaut, choice) for choice in CHOICES]
    again = [opened.cut(choice) for choice in reversed(CHOICES)][::-1]
    for one, other in zip(fresh, again, strict=True):
        np.testing.assert_array_equal(one.alpha, other.alpha)
        assert one.subject == other.subject
    assert len({cut.alpha.tobytes() for cut in again}) >= 3


def test_the_candidates_are_ranked_once(
    isolator: Isolator, astronaut: ByteArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    look = selection.look
    monkeypatch.setattr(selection, "look", lambda *given: looks.append(1) or look(*given))
    opened = isolator.open(astronaut)
    before = opened.kept_bytes
    for choice in CHOICES:
        opened.select(choice)
    assert len(looks) == 1
    assert 0 < opened.kept_bytes - before < 10_000_000
