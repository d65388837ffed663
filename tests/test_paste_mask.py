"""Pasting a mask head's grid into the photo, against Detectron2, OpenCV and plain arithmetic."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vx_detectron.structures import paste_mask

# Written by tests/fixtures/make_detectron2_fixtures.py.
DETECTRON2 = Path(__file__).parent / "fixtures" / "detectron2" / "pasted.npz"


@pytest.mark.parametrize("index", range(4))
def test_pastes_as_detectron2_samples_the_whole_image(index: int) -> None:
    with np.load(DETECTRON2) as stored:
        grid, box, expected = (stored[name][index] for name in ("grids", "boxes", "masks"))
    pasted = paste_mask(grid, box, expected.shape)
    assert pasted.dtype == np.float32
    assert np.abs(pasted - expected).max() < 1e-5


def test_a_grid_in_a_box_of_its_own_size_is_copied() -> None:
    grid = np.arange(12, dtype=np.float32).reshape(3, 4) / 12
    pasted = paste_mask(grid, np.float32([2, 1, 6, 4]), (6, 8))
    expected = np.zeros((6, 8), dtype=np.float32)
    expected[1:4, 2:6] = grid
    assert np.allclose(pasted, expected, atol=1e-6)


def test_half_a_pixel_mixes_neighbours_in_halves() -> None:
    pasted = paste_mask(np.float32([[1, 0, 1]]), np.float32([1.5, 0, 4.5, 1]), (1, 6))
    assert np.allclose(pasted, [[0, 0.5, 0.5, 0.5, 0.5, 0]], atol=1e-6)


def test_enlarges_as_opencv_does_away_from_the_border() -> None:
    grid = np.random.default_rng(1).random((28, 28), dtype=np.float32)
    pasted = paste_mask(grid, np.float32([10, 20, 210, 160]), (200, 240))
    resized = cv2.resize(grid, (200, 140), interpolation=cv2.INTER_LINEAR)
    inside = (slice(5, -5), slice(5, -5))  # OpenCV repeats the border, Detectron2 fades it
    assert np.abs(pasted[20:160, 10:210][inside] - resized[inside]).max() < 1e-4


def test_a_border_cell_reaches_half_a_cell_beyond_its_box() -> None:
    """A box of 4 cells of 10 pixels, from 20 to 60."""
    pasted = paste_mask(np.ones((4, 4), np.float32), np.float32([20, 20, 60, 60]), (80, 80))
    assert pasted[40, 20:60].min() >= 0.5
    assert 0.0 < pasted[40, 15] < pasted[40, 19] < 0.5
    assert pasted[40, :15].max() == pasted[40, 65:].max() == 0.0


def test_the_border_is_held_only_where_the_box_ends_at_the_photos() -> None:
    """A box of 4 cells of 10 pixels, from 0 to 40, in a photo of 80 x 60."""
    grid = np.ones((4, 4), np.float32)
    box = np.float32([0, 0.4, 40, 40])
    faded = paste_mask(grid, box, (80, 60))
    held = paste_mask(grid, box, (80, 60), hold_border=True)
    assert faded[:3].max() < 1.0 and faded[:, :3].max() < 1.0
    assert np.allclose(held[:30, :30], 1.0)
    assert np.array_equal(held[30:, 30:], faded[30:, 30:])
    assert np.allclose(held[::-1, ::-1], paste_mask(grid, np.float32([20, 40, 60, 79.6]), (80, 60),
                                                    hold_border=True), atol=1e-5)  # fmt: skip


def test_the_border_is_held_where_the_box_ends_less_than_half_a_cell_from_it() -> None:
    """Boxes of 4 cells of 10 pixels; a detector's box seldom ends at the frame exactly."""
    grid = np.ones((4, 4), np.float32)
    near, far = (
        paste_mask(grid, np.float32([10, gap, 50, 40 + gap]), (80, 60), hold_border=True)
        for gap in (4, 6)
    )
    assert np.allclose(near[:30, 20:40], 1.0)
    assert far[0].max() == 0.0 and np.allclose(far[15:30, 20:40], 1.0)


def test_a_held_border_keeps_the_outermost_cells_value() -> None:
    grid = np.float32([[0.2, 0.9]])
    held = paste_mask(grid, np.float32([0, 0, 20, 10]), (10, 20), hold_border=True)
    assert np.allclose(held[:, :5], 0.2) and np.allclose(held[:, 15:], 0.9)
    assert np.all(np.diff(held[0]) >= -1e-6)


@pytest.mark.parametrize("hold_border", [False, True])
@pytest.mark.parametrize(
    "box", [[-50, 0, -20, 10], [100, 0, 140, 10], [0, 90, 10, 120], [5, 5, 5, 9], [9, 9, 2, 2]]
)
def test_a_box_outside_the_photo_or_of_no_width_has_no_mask(
    box: list[float], hold_border: bool
) -> None:
    grid = np.ones((4, 4), np.float32)
    pasted = paste_mask(grid, np.float32(box), (50, 60), hold_border=hold_border)
    assert pasted.shape == (50, 60)
    assert pasted.max() == 0.0


def test_a_box_much_larger_than_the_photo_is_sampled_inside() -> None:
    grid = np.zeros((4, 4), np.float32)
    grid[:, 2:] = 1.0
    pasted = paste_mask(grid, np.float32([-1000, -1000, 1010, 1010]), (10, 10))
    assert np.allclose(pasted, 0.5, atol=0.02)
