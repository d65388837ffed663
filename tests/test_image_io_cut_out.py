"""Which pictures are cut-outs already, and what of them is kept whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vx_detectron.image_io.cut_out import is_cut_out, visible, whole_pieces

Alpha = NDArray[np.uint8]
SIZE = (120, 160)


def drawn(*shapes: tuple[str, object]) -> Alpha:
    """Opaque shapes on nothing, by Pillow: ("rectangle", corners), ("polygon", points), ..."""
    picture = Image.new("L", SIZE[::-1], 0)
    for name, where in shapes:
        getattr(ImageDraw.Draw(picture), name)(where, fill=255)
    return np.array(picture)


def mask(left: int, top: int, right: int, bottom: int) -> NDArray[np.float32]:
    found = np.zeros(SIZE, np.float32)
    found[top:bottom, left:right] = 1
    return found


# A figure with two arms, which no frame has.
FIGURE = (("rectangle", (60, 20, 90, 110)), ("rectangle", (20, 40, 130, 55)))


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.9995, 1.0])
def test_a_cut_out_is_neither_whole_nor_empty(share: float) -> None:
    alpha = np.full((100, 100), 255, dtype=np.uint8)
    alpha.ravel()[: round(share * alpha.size)] = 0
    assert is_cut_out(alpha) == (share == 0.5)


def test_half_transparent_is_there_where_nothing_is_more_so() -> None:
    alpha = drawn(*FIGURE) // 3
    assert is_cut_out(alpha) and (visible(alpha) == (alpha > 0)).all()
    whole = whole_pieces(alpha, mask(60, 20, 90, 60) / np.float32(3))
    np.testing.assert_array_equal(whole, alpha / np.float32(255))


def test_one_piece_is_kept_whole_with_its_soft_edge_and_its_crumbs() -> None:
    alpha = drawn(*FIGURE, ("ellipse", (140, 100, 146, 106)))
    alpha = np.asarray(cv2.GaussianBlur(alpha, (5, 5), 1.0))
    whole = whole_pieces(alpha, mask(60, 20, 90, 110))
    np.testing.assert_array_equal(whole, alpha / np.float32(255))


def test_of_several_pieces_those_that_the_mask_means() -> None:
    left = (("rectangle", (10, 20, 20, 100)), ("rectangle", (10, 90, 60, 100)))
    right = (("rectangle", (100, 20, 110, 100)), ("rectangle", (100, 90, 150, 100)))
    alpha = drawn(*left, *right)
    whole = whole_pieces(alpha, mask(10, 20, 20, 60))
    np.testing.assert_array_equal(whole, drawn(*left) / np.float32(255))
    both = whole_pieces(alpha, np.maximum(mask(10, 20, 20, 60), mask(100, 20, 110, 60)))
    np.testing.assert_array_equal(both, alpha / np.float32(255))


def _round_corners() -> Image.Image:
    picture = Image.new("L", SIZE[::-1], 0)
    ImageDraw.Draw(picture).rounded_rectangle((0, 0, 159, 119), radius=45, fill=255)
    return picture


WINDOWS = {
    "circle": drawn(("ellipse", (20, 0, 139, 119))),
    "round corners": np.array(_round_corners()),
    "in the middle": drawn(("rectangle", (30, 20, 120, 100))),
    "on a slant": drawn(("polygon", [(40, 0), (159, 50), (120, 119), (0, 70)])),
    "a notch": 255 - drawn(("rectangle", (0, 0, 60, 40))),
    "a hole": 255 - drawn(("ellipse", (40, 30, 110, 100))),
    "ragged": 255 - drawn(("polygon", [(0, 0), (159, 0), (100, 12), (60, 3), (30, 14)]))
    | drawn(("rectangle", (0, 16, 159, 119))),
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_onto_a_photo_is_no_cut_out(name: str) -> None:
    assert whole_pieces(WINDOWS[name], mask(60, 40, 100, 80)) is None


def test_a_mask_that_lies_beside_all_pieces_means_none() -> None:
    assert whole_pieces(drawn(*FIGURE), mask(0, 0, 15, 15)) is None
