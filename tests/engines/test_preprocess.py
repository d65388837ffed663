"""From the photo to the network's input, against Detectron2's own answers."""

from __future__ import annotations

import numpy as np
import pytest
from detectron2_reference import SIZES, stored
from numpy.typing import NDArray

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.engines.preprocess import input_size, network_input

Photo = NDArray[np.uint8]


def cfg(shortest: int, longest: int, order: str = "RGB") -> CfgNode:
    keys = {"MIN_SIZE_TEST": shortest, "MAX_SIZE_TEST": longest, "FORMAT": order}
    return load_cfg(None, [str(x) for key, value in keys.items() for x in (f"INPUT.{key}", value)])


def test_sizes_are_those_of_detectron2() -> None:
    expected = np.maximum(stored("sizes")["sizes"], 1)  # a strip keeps its last pixel with us
    assert [input_size(*one) for one in SIZES] == [tuple(size) for size in expected]


def test_a_strip_of_a_photo_keeps_a_pixel() -> None:
    assert input_size(1, 5000, 320, 512) == (1, 512)


def test_a_shortest_side_of_zero_keeps_the_photo() -> None:
    assert input_size(123, 457, 0, 100) == (123, 457)


def test_pixels_are_those_of_detectron2(chelsea: Photo) -> None:
    found = network_input(cfg(40, 60), chelsea)
    assert np.array_equal(found.transpose(1, 2, 0), stored("resized")["photo"])


def test_channels_come_first_as_float_in_the_order_asked_for(chelsea: Photo) -> None:
    size = min(chelsea.shape[:2])
    rgb = network_input(cfg(size, 9999), chelsea)
    bgr = network_input(cfg(size, 9999, "BGR"), chelsea)
    assert rgb.dtype == bgr.dtype == np.float32
    assert np.array_equal(rgb, chelsea.transpose(2, 0, 1))
    assert np.array_equal(bgr, chelsea[:, :, ::-1].transpose(2, 0, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
    ],
)
def test_anything_but_an_rgb_photo_is_refused(wrong: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="must be uint8 of shape HxWx3, got"):
        network_input(cfg(320, 512), wrong)  # type: ignore[arg-type]
