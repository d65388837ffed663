"""Where the subject stands, what it casts, how its edge is moved: against arrays written out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vx_detectron.deliver import (
    Blur,
    Canvas,
    Colour,
    Edge,
    Gradient,
    Placement,
    Shadow,
    Transparent,
    compose,
    parse_background,
    parse_canvas,
    parse_shadow,
)
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.layers import subject_layers
from vx_detectron.errors import ConfigError
from vx_detectron.image_io import as_photo

RED, WHITE = (200, 10, 20), Colour((255, 255, 255))


def _scene() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A red block, 20 wide and 30 high, at (10, 40) of a green photo, 80 x 100."""
    image = np.full((100, 80, 3), (0, 90, 0), dtype=np.uint8)
    alpha = np.zeros((100, 80), dtype=np.float32)
    image[40:70, 10:30] = RED
    alpha[40:70, 10:30] = 1
    return image, alpha


def _reds(picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is red."""
    red = (picture[..., :3] == RED).all(axis=2)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_a_square_canvas_has_the_subject_in_its_middle() -> None:
    image, alpha = _scene()
    square = Placement(Canvas(1, 1, exact=False))
    picture = compose(image, alpha, WHITE, placement=square, margin=0.1)
    assert picture.shape == (36, 36, 3)  # the longer side and a tenth of it on either side
    assert _reds(picture) == (3, 33, 8, 28)
    assert (picture[:3] == 255).all()


def test_a_canvas_of_pixels_scales_the_subject() -> None:
    image, alpha = _scene()
    exact = Placement(parse_canvas("160x160"))
    picture = compose(image, alpha, Transparent(), placement=exact, margin=1 / 6)
    assert picture.shape == (160, 160, 4)
    # 40 pixels become 160: the block is 120 high and 80 wide, and red where it is not clear.
    there = picture[..., 3] >= 128
    assert there[21:139, 41:119].all() and abs(int(there.sum()) - 120 * 80) <= 8  # corners
    assert (picture[there][:, :3] == RED).all()


def test_scale_keeps_the_middle_and_move_is_of_the_canvas() -> None:
    image, alpha = _scene()
    half = compose(image, alpha, WHITE, placement=Placement(scale=0.5))
    assert half.shape == image.shape and _reds(half) == (48, 62 + 1, 15, 25)
    moved = compose(image, alpha, WHITE, placement=Placement(move=(0.5, -0.3)))
    assert _reds(moved) == (10, 40, 50, 70)
    gone = compose(image, alpha, WHITE, placement=Placement(move=(1, 1)))
    assert (gone == 255).all()


def test_a_blurred_photo_stays_where_it_is_when_the_subject_moves() -> None:
    image, alpha = _scene()
    picture = compose(image, alpha, Blur(1), placement=Placement(move=(0.5, 0)))
    assert _reds(picture) == (40, 70, 50, 70)
    assert np.abs(picture[45:65, 12:28].astype(int) - (0, 90, 0)).max() <= 3  # the hole is filled


def test_a_gradient_runs_from_one_colour_to_the_other() -> None:
    image, alpha = _scene()
    down = compose(image, np.zeros_like(alpha), Gradient((0, 0, 0), (200, 100, 0)))
    assert np.abs(down[:, 0, 0] - np.linspace(1, 199, 100)).max() <= 1
    assert (down[:, 0] == down[:, -1]).all()
    right = compose(image, np.zeros_like(alpha), parse_background("gradient:black,white,90"))
    assert right[0, 0].max() <= 2 and right[0, -1].min() >= 253


def test_a_soft_shadow_lies_below_and_leaves_the_subject_alone() -> None:
    image, alpha = _scene()
    plain = compose(image, alpha, WHITE)
    picture = compose(image, alpha, WHITE, shadow=Shadow("soft", 50))
    assert (picture[alpha == 1] == plain[alpha == 1]).all()
    below, above, far = picture[71, 20, 0], picture[38, 20, 0], picture[5, 70, 0]
    assert below < 230 < above and far == 255


def test_a_contact_shadow_lies_at_the_foot() -> None:
    _, alpha = _scene()
    dark = Shadow("contact", 100).cast(alpha)
    assert dark[70, 20] > 0.3 > dark[55, 35] and dark[30].max() == 0


def test_a_shadow_before_nothing_is_black_that_is_half_transparent() -> None:
    image, alpha = _scene()
    picture = compose(image, alpha, Transparent(), shadow=Shadow("soft", 60))
    shade = picture[71, 20]
    assert (shade[:3] == 0).all() and 20 < shade[3] < 200
    assert (picture[alpha == 1] == (*RED, 255)).all()
    assert (picture[2, 70] == 0).all()


def test_layers_with_a_shadow_add_up() -> None:
    image, alpha = _scene()
    finish = Finish(background=WHITE, shadow=Shadow("soft", 60), placement=Placement(scale=0.8))
    merged, layers = subject_layers(as_photo(image), alpha, finish)
    assert [one.name for one in layers] == ["subject", "shadow", "background", "photo"]
    sum_of = layers[2].pixels.astype(float)
    for layer in (layers[1], layers[0]):
        share = layer.pixels[..., 3:] / 255
        sum_of = layer.pixels[..., :3] * share + sum_of * (1 - share)
    assert np.abs(sum_of - merged).max() <= 1.5


def test_growing_and_shrinking_by_parts_of_a_pixel() -> None:
    _, alpha = _scene()
    assert Edge(grow=2).apply(alpha)[38:72, 20].tolist() == [1.0] * 34
    assert Edge(grow=-3).apply(alpha).sum() == 24 * 14
    assert Edge(grow=0.5).apply(alpha)[39, 20] == pytest.approx(0.5)
    assert Edge().apply(alpha) is alpha


def test_a_feather_fades_over_its_width() -> None:
    _, alpha = _scene()
    row = Edge(feather=8).apply(alpha)[55]
    assert row[9] == pytest.approx(0.4, abs=0.03) and row[10] == pytest.approx(0.6, abs=0.03)
    assert row[4] < 0.01 and row[15] > 0.99


def test_without_decontamination_the_edge_keeps_its_old_colours() -> None:
    image, alpha = _scene()
    alpha[40:70, 9] = 0.5
    image[40:70, 9] = (100, 50, 10)
    as_it_was = compose(image, alpha, Transparent(), decontaminate=0)
    cleaned = compose(image, alpha, Transparent())
    assert (as_it_was[55, 9, :3] == (100, 50, 10)).all()
    assert cleaned[55, 9, 0] > 150


@pytest.mark.parametrize("text", ["", "4", "0:5", "1600x0", "30000x2", "1:30", "4:5:6", "12.5x9"])
def test_a_canvas_that_makes_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="canvas"):
        parse_canvas(text)


@pytest.mark.parametrize("text", ["hard", "soft:", "soft:0", "soft:101", "contact:x", "none:3"])
def test_a_shadow_that_makes_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="shadow"):
        parse_shadow(text)


@pytest.mark.parametrize("text", ["gradient:red", "gradient:red,octarine", "gradient:red,blue,x"])
def test_a_gradient_that_makes_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="gradient"):
        parse_background(text)


def test_a_crop_beside_a_canvas_is_refused() -> None:
    image, alpha = _scene()
    with pytest.raises(ValueError, match="choose crop or a canvas"):
        compose(image, alpha, crop=True, placement=Placement(Canvas(1, 1, exact=False)))
