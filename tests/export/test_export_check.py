"""How far two networks are apart, on detections written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vx_detectron.export.check import difference, map_difference
from vx_detectron.structures import Instances


def found(*things: tuple[list[float], float, int]) -> Instances:
    """Instances of a photo of 100 x 100, each mask filling its box."""
    boxes, scores, classes = zip(*things, strict=True) if things else ([], [], [])
    return Instances(
        image_size=(100, 100),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
        classes=np.array(classes, dtype=np.int64),
        mask_grids=np.ones((len(things), 28, 28), dtype=np.float32),
        class_names=("ant", "bee"),
    )


BEE = ([10.0, 10.0, 50.0, 50.0], 0.9, 1)
ANT = ([60.0, 60.0, 90.0, 80.0], 0.6, 0)


def test_the_same_is_the_same_in_any_order() -> None:
    other = (ANT[0], 0.95, 0)
    apart = difference(found(BEE, ANT), found(other, BEE))
    assert (apart.count, apart.only_one, apart.boxes, apart.masks) == (2, 0, 0.0, 1.0)
    assert apart.scores == pytest.approx(0.35)
    assert not apart.is_small
    assert difference(found(BEE, ANT), found(BEE, ANT)).is_small


@pytest.mark.parametrize(
    ("moved", "score", "small"), [(0.3, 0.9, True), (0.7, 0.9, False), (0.0, 0.902, False)]
)
def test_what_is_small(moved: float, score: float, small: bool) -> None:
    box = [10.0, 10.0, 50.0 + moved, 50.0]
    apart = difference(found(BEE), found((box, score, 1)))
    assert apart.boxes == pytest.approx(moved, abs=1e-5)
    assert apart.is_small is small


def test_a_mask_that_differs_is_seen() -> None:
    half = found(BEE)
    half.mask_grids[0, :, 14:] = 0.0
    apart = difference(found(BEE), half)
    assert apart.masks == pytest.approx(0.5, abs=0.03)
    assert not apart.is_small


def test_what_only_one_found_is_counted() -> None:
    apart = difference(found(BEE, ANT), found(BEE))
    assert (apart.count, apart.only_one, apart.is_small) == (1, 1, False)
    assert "1 found by one of them only" in str(apart)
    other_class = difference(found(BEE), found((BEE[0], 0.9, 0)))
    assert (other_class.count, other_class.only_one) == (0, 2)
    assert difference(found(), found()).is_small


def test_maps() -> None:
    one, other = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    other[0, 0] = 0.5
    assert map_difference(one, other) == (0.5, 0.5 / 16)
    assert map_difference(one, other[:2]) == (1.0, 1.0)
