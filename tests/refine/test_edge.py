"""The final edge: how wide, how exact, and along the photo's colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from vx_detectron.refine.distance import signed_distance
from vx_detectron.refine.edge import sharpen

FloatArray = NDArray[np.float32]


def _disc(size: int, radius: float, softness: float) -> FloatArray:
    yy, xx = np.mgrid[:size, :size] + 0.5
    distance = radius - np.hypot(yy - size / 2, xx - size / 2)
    return np.clip(0.5 + distance / softness, 0, 1).astype(np.float32)


def _grey(size: int) -> NDArray[np.uint8]:
    return np.full((size, size, 3), 128, dtype=np.uint8)


@pytest.mark.parametrize("softness", [1.0, 4.0, 12.0])
def test_edge_has_the_same_width_however_soft_the_mask_was(softness: float) -> None:
    alpha = sharpen(_grey(100), _grey(100), _disc(100, 30, softness), 2.0)
    row = alpha[50, 50:]
    assert 1 <= np.count_nonzero((row > 0) & (row < 1)) <= 5
    assert abs(row.sum() - 30) < 0.5  # the edge stays where it was, within half a pixel
    assert alpha[50, 50] == 1
    assert alpha[0, 0] == 0


def test_enlarged_edge_is_as_narrow_and_smooth() -> None:
    alpha = sharpen(_grey(400), _grey(100), _disc(100, 30, 1.0), 2.0)
    row = alpha[200, 200:]
    assert np.count_nonzero((row > 0) & (row < 1)) <= 6
    assert abs(alpha.sum() / (np.pi * 120**2) - 1) < 0.01


def test_enlarged_edge_follows_the_photo() -> None:
    # The step lies at column 102, which the small mask of four-pixel cells cannot say.
    image = np.zeros((200, 200, 3), dtype=np.uint8)
    image[:, 102:] = (250, 200, 40)
    mask = np.zeros((50, 50), dtype=np.float32)
    mask[:, 26:] = 1  # column 104
    guide = cv2.resize(image, (50, 50), interpolation=cv2.INTER_AREA)
    alpha = sharpen(image, guide, mask, 2.0)
    np.testing.assert_array_equal(alpha >= 0.5, image[..., 0] > 0)


def test_hard_edge_on_request() -> None:
    assert set(np.unique(sharpen(_grey(50), _grey(50), _disc(50, 15, 3), 0.0))) <= {0.0, 1.0}


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_uniform_mask_is_exact(value: float) -> None:
    mask = np.full((5, 5), value, dtype=np.float32)
    np.testing.assert_array_equal(sharpen(_grey(20), _grey(5), mask, 2.0), value)


def test_signed_distance_is_scipys_but_for_two_percent() -> None:
    mask = (np.random.default_rng(0).random((40, 50)) < 0.97).astype(np.float32)
    mask[10:25, 20:45] = 0
    inside = mask >= 0.5
    depth, gap = distance_transform_edt(inside), distance_transform_edt(~inside)
    wanted = np.where(inside, depth - 0.5, 0.5 - gap)
    np.testing.assert_allclose(signed_distance(mask), wanted, rtol=0.02, atol=0.05)


def test_signed_distance_by_hand() -> None:
    mask = np.array([[0, 0, 0.5, 1, 1]], dtype=np.float32)
    np.testing.assert_allclose(signed_distance(mask), [[-1.5, -0.5, 0.5, 1.5, 2.5]])
    assert (signed_distance(np.ones((2, 2), np.float32)) == np.inf).all()
    assert (signed_distance(np.zeros((2, 2), np.float32)) == -np.inf).all()
