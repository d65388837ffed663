"""Composites with known subject, background and alpha; crops, backgrounds and their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import distance_transform_edt

from vx_detectron.deliver import (
    BLACK,
    Background,
    Blur,
    Colour,
    Picture,
    PictureFile,
    Transparent,
    compose,
    compose_photo,
    crop_box,
    estimate_foreground,
    mask_picture,
    parse_background,
)
from vx_detectron.errors import ConfigError
from vx_detectron.image_io import Photo
from vx_detectron.image_io.profiles import rgb_profile
from vx_detectron.image_io.transparency import lay_over

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

EVERY: list[Background] = [
    BLACK,
    Transparent(),
    Colour((1, 2, 3)),
    Blur(3.0),
    Picture(np.full((3, 8, 3), 99, np.uint8)),
    Picture(np.full((8, 3, 3), 99, np.uint8), fit="contain"),
]


def _disc(size: int = 120, radius: float = 35.0, softness: float = 6.0) -> FloatArray:
    yy, xx = np.mgrid[:size, :size] + 0.5
    distance = radius - np.hypot(yy - size / 2, xx - size / 2)
    return np.clip(0.5 + distance / softness, 0, 1).astype(np.float32)


def _mix(alpha: FloatArray, front: Any, back: Any) -> ByteArray:
    share = alpha[..., None]
    mixed = share * np.asarray(front, np.float32) + (1 - share) * np.asarray(back, np.float32)
    return np.rint(mixed).astype(np.uint8)


def _well_inside(alpha: FloatArray) -> NDArray[np.bool_]:
    """Where the subject is whole, farther than two pixels from where it is not."""
    return np.asarray(distance_transform_edt(alpha == 1) >= 3)


RED, GREEN = (200, 20, 20), (20, 250, 20)


def test_no_halo_of_the_old_background() -> None:
    alpha = _disc()
    cut = compose(_mix(alpha, RED, GREEN), alpha, BLACK).astype(int)
    wanted = _mix(alpha, RED, (0, 0, 0)).astype(int)
    naive = _mix(alpha, _mix(alpha, RED, GREEN), (0, 0, 0)).astype(int)
    assert (naive - wanted)[..., 1].max() > 50  # what a plain product would show
    assert np.abs(cut - wanted).max() <= 5


def test_foreground_before_a_photo(coffee: ByteArray) -> None:
    alpha = _disc(300, 100, 8)
    yy, xx = np.mgrid[:300, :300]
    front = np.stack([90 + yy / 3, 60 + xx / 3, 150 + 0 * xx], axis=-1).astype(np.float32)
    photo = _mix(alpha, front, coffee[50:350, 100:400])
    soft = (alpha > 0.1) & (alpha < 1)
    error = np.abs(estimate_foreground(photo, alpha)[soft] - front[soft]).mean()
    assert error < 0.25 * np.abs(photo[soft] - front[soft]).mean()


def test_foreground_of_a_large_photo_at_bounded_size() -> None:
    alpha = _disc(1400, 600, 4)
    photo = _mix(alpha, RED, GREEN)
    soft = (alpha > 0.1) & (alpha < 1)
    assert np.abs(estimate_foreground(photo, alpha)[soft].astype(int) - RED).max() <= 5


def test_foreground_is_the_photo_where_nothing_is_soft(astronaut: ByteArray) -> None:
    hard = np.zeros((512, 512), np.float32)
    hard[100:300, 100:300] = 1
    np.testing.assert_array_equal(estimate_foreground(astronaut, hard), astronaut)
    soft = _disc(512, 100, 5)
    changed = (estimate_foreground(astronaut, soft) != astronaut).any(axis=-1)
    assert not changed[(soft == 0) | _well_inside(soft)].any()


def test_no_halo_where_the_photo_is_softer_than_the_mask(coffee: ByteArray) -> None:
    inside, crisp = _disc(300, 100, 4), _disc(300, 100, 1)
    photo = _mix(inside, RED, coffee[50:350, 100:400])
    halo = (inside < 0.95) & (crisp == 1)  # wholly kept, though it shows the old background
    error = np.abs(estimate_foreground(photo, crisp)[halo].astype(int) - RED).mean()
    assert error < 0.3 * np.abs(photo[halo].astype(int) - RED).mean()


@pytest.mark.parametrize("background", EVERY, ids=lambda one: type(one).__name__)
def test_subject_keeps_the_photos_pixels(astronaut: ByteArray, background: Background) -> None:
    alpha = _disc(512, 120, 4)
    alpha.setflags(write=False)
    result = compose(astronaut, alpha, background)
    inside = _well_inside(alpha)
    np.testing.assert_array_equal(result[inside][:, :3], astronaut[inside])
    assert result.dtype == np.uint8
    assert result.shape == (512, 512, 4 if isinstance(background, Transparent) else 3)


def test_black_outside() -> None:
    alpha = _disc()
    assert not compose(_mix(alpha, RED, GREEN), alpha)[alpha == 0].any()


def test_colour_by_hand() -> None:
    image = np.array([[[100, 100, 100], [10, 20, 30]]], dtype=np.uint8)
    alpha = np.array([[1.0, 0.0]], dtype=np.float32)
    result = compose(image, alpha, Colour((255, 136, 0)))
    np.testing.assert_array_equal(result, [[[100, 100, 100], [255, 136, 0]]])


def test_transparent_laid_over_a_new_background_is_the_same_as_composed() -> None:
    alpha = _disc()
    photo = _mix(alpha, RED, GREEN)
    rgba = compose(photo, alpha, Transparent())
    np.testing.assert_array_equal(rgba[..., 3], mask_picture(alpha))
    assert not rgba[rgba[..., 3] == 0].any()
    canvas = Image.new("RGBA", (120, 120), (30, 60, 200, 255))
    laid = np.asarray(Image.alpha_composite(canvas, Image.fromarray(rgba)))[..., :3]
    composed = compose(photo, alpha, Colour((30, 60, 200)))
    assert np.abs(laid.astype(int) - composed).max() <= 2


@pytest.mark.parametrize("background", EVERY, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (6, 4)])
def test_empty_and_full_masks_of_tiny_photos(
    size: tuple[int, int], value: float, background: Background
) -> None:
    image = np.full((*size, 3), 77, dtype=np.uint8)
    alpha = np.full(size, value, np.float32)
    result = compose(image, alpha, background, crop=True)
    assert result.shape[:2] == size
    if value:
        np.testing.assert_array_equal(result[..., :3], 77)


def test_blur_does_not_let_the_subject_glow() -> None:
    alpha = _disc(200, 50, 1e-3)
    photo = _mix(alpha, (255, 0, 0), (0, 0, 120))
    result = compose(photo, alpha, Blur(4.0))
    assert np.abs(result[alpha == 0].astype(int) - (0, 0, 120)).max() <= 2


def test_blur_of_a_photo_is_pillows_blur(coffee: ByteArray) -> None:
    empty = np.zeros(coffee.shape[:2], np.float32)
    sigma = 0.01 * float(np.hypot(*empty.shape))
    wanted = np.asarray(Image.fromarray(coffee).filter(ImageFilter.GaussianBlur(sigma)))
    inner = (slice(40, -40), slice(40, -40))  # the two treat the border differently
    difference = compose(coffee, empty, Blur(1.0))[inner].astype(int) - wanted[inner]
    assert np.abs(difference).mean() < 2


def _stripes() -> ByteArray:
    """Three stripes, 10 high and 30 wide: red, green, blue."""
    picture = np.zeros((10, 30, 3), np.uint8)
    for channel in range(3):
        picture[:, 10 * channel : 10 * channel + 10, channel] = 200
    return picture


def test_cover_cuts_what_sticks_out() -> None:
    image, empty = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.float32)
    result = compose(image, empty, Picture(_stripes()))
    np.testing.assert_array_equal(result, np.broadcast_to([0, 200, 0], (20, 20, 3)))


def test_contain_shows_all_and_leaves_bars() -> None:
    image, empty = np.zeros((50, 30, 3), np.uint8), np.zeros((50, 30), np.float32)
    result = compose(image, empty, Picture(_stripes(), fit="contain", bars=(9, 8, 7)))
    np.testing.assert_array_equal(result[20:30], _stripes())
    assert (result[:20] == (9, 8, 7)).all()
    assert (result[30:] == (9, 8, 7)).all()


def test_crop_box_by_hand() -> None:
    alpha = np.zeros((50, 80), np.float32)
    alpha[10:20, 30:70] = 1
    alpha[49, 79] = 0.001  # no picture of 256 levels shows it
    assert crop_box(alpha) == (30, 10, 70, 20)
    assert crop_box(alpha, 0.1) == (26, 6, 74, 24)
    assert crop_box(alpha, 9.0) == (0, 0, 80, 50)
    assert crop_box(np.zeros((50, 80), np.float32), 0.1) == (0, 0, 80, 50)


@pytest.mark.parametrize("background", [BLACK, Transparent(), Blur(2.0)])
def test_crop_is_a_part_of_the_whole(astronaut: ByteArray, background: Background) -> None:
    alpha = _disc(512, 100, 4)
    x0, y0, x1, y1 = crop_box(alpha, 0.05)
    whole = compose(astronaut, alpha, background)
    cropped = compose(astronaut, alpha, background, crop=True, margin=0.05)
    np.testing.assert_array_equal(cropped, whole[y0:y1, x0:x1])


def test_mask_picture_by_hand() -> None:
    alpha = np.array([[0.0, 0.001, 0.5, 0.999, 1.0]], dtype=np.float32)
    np.testing.assert_array_equal(mask_picture(alpha), [[0, 0, 128, 255, 255]])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("black", BLACK),
        (" Transparent ", Transparent()),
        ("orange", Colour((255, 165, 0))),
        ("#f80", Colour((255, 136, 0))),
        ("#ff8800", Colour((255, 136, 0))),
        ("rgb(255, 136, 0)", Colour((255, 136, 0))),
        ("blur", Blur()),
        ("blur:3", Blur(3.0)),
        ("blur: 0.5%", Blur(0.5)),
        ("picture:C:/a b/sky.jpg", PictureFile("C:/a b/sky.jpg")),
    ],
)
def test_names_of_backgrounds(text: str, wanted: Background | PictureFile) -> None:
    assert parse_background(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "blak", "#12345", "blur:", "blur:0", "blur:nan", "blur:101", "blur:x", "picture:",
     "transparent:3", "rgb(300, 0, 0)", "#ff880080", "sky.jpg"],
)  # fmt: skip
def test_unknown_backgrounds_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="background"):
        parse_background(text)


@pytest.mark.parametrize(
    ("image", "alpha", "message"),
    [
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.float32), "image must be RGB uint8"),
        (np.zeros((4, 5, 3)), np.zeros((4, 5), np.float32), "image must be RGB uint8"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5)), "alpha must be float32"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.float32), "image's size"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 2, np.float32), "within 0..1, got 2..2"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), np.nan, np.float32), "within 0..1"),
    ],
)
def test_wrong_arrays_are_refused(image: Any, alpha: Any, message: str) -> None:
    for function in (compose, estimate_foreground):
        with pytest.raises(ValueError, match=message):
            function(image, alpha)


def test_wrong_settings_are_refused() -> None:
    alpha = np.ones((3, 3), np.float32)
    for margin in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="margin"):
            crop_box(alpha, margin)
    with pytest.raises(ValueError, match="blur strength"):
        Blur(0)
    with pytest.raises(ValueError, match="rgb must be"):
        Colour((0, 0, 256))
    with pytest.raises(ValueError, match="fit must be"):
        Picture(np.zeros((1, 1, 3), np.uint8), fit="stretch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="background picture"):
        Picture(np.zeros((1, 1), np.uint8))


# --- a photo's own colour space and transparency -----------------------------------------------

P3 = rgb_profile(
    ((0.3127, 0.3290), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
)
# (200, 40, 30) of sRGB, by the standards' numbers; pasted as it is, it would look (218, 0, 4).
RED_IN_P3 = (184, 56, 42)


@pytest.mark.parametrize(
    "background",
    [
        Colour((200, 40, 30)),
        Picture(np.full((9, 9, 3), (200, 40, 30), np.uint8)),
        Picture(np.full((2, 9, 3), 7, np.uint8), "contain", (200, 40, 30)),
        Picture(np.full((9, 9, 3), RED_IN_P3, np.uint8), icc_profile=P3),
    ],
    ids=["colour", "picture", "bars", "picture in P3"],
)
def test_a_background_is_carried_into_the_photos_space(background: Background) -> None:
    image = np.full((20, 20, 3), (10, 200, 90), np.uint8)
    alpha = np.zeros((20, 20), np.float32)
    alpha[5:15, 5:15] = 1
    result = compose(image, alpha, background, icc_profile=P3)
    np.testing.assert_array_equal(result[5:15, 5:15], image[5:15, 5:15])
    np.testing.assert_allclose(result[0, 0], RED_IN_P3, atol=1)


def test_a_background_in_p3_is_carried_into_srgb() -> None:
    image, alpha = np.full((9, 9, 3), 7, np.uint8), np.zeros((9, 9), np.float32)
    behind = Picture(np.full((9, 9, 3), RED_IN_P3, np.uint8), icc_profile=P3)
    np.testing.assert_allclose(compose(image, alpha, behind)[0, 0], (200, 40, 30), atol=2)


def test_the_blurred_background_is_the_photos_own(coffee: ByteArray) -> None:
    alpha = _disc(100, 20)
    blurred = compose(coffee[:100, :100], alpha, Blur(), icc_profile=P3)
    np.testing.assert_array_equal(blurred, compose(coffee[:100, :100], alpha, Blur()))


def _half_there(image: ByteArray) -> Photo:
    """Left clear, with a colour that nobody may see; the middle half there; the right opaque."""
    own = np.zeros(image.shape[:2], np.uint8)
    own[:, 40:], own[:, 80:] = 128, 255
    straight = image.copy()
    straight[own == 0] = (255, 0, 255)
    return Photo(lay_over(straight, own), "x", "PNG", alpha=own, straight=straight)


def test_what_is_half_there_keeps_its_own_colours(coffee: ByteArray) -> None:
    photo = _half_there(coffee[:120, :120])
    assert photo.alpha is not None
    alpha = photo.alpha / np.float32(255)
    rgba = compose_photo(photo, alpha, Transparent())
    np.testing.assert_array_equal(rgba[..., 3], photo.alpha)
    np.testing.assert_array_equal(rgba[:, 40:, :3], coffee[:120, 40:120])
    assert not rgba[:, :40].any()
    laid = Image.alpha_composite(Image.new("RGBA", (120, 120), "blue"), Image.fromarray(rgba))
    composed = compose_photo(photo, alpha, Colour((0, 0, 255)))
    assert np.abs(np.asarray(laid)[..., :3].astype(int) - composed).max() <= 1


def test_unseen_colours_do_not_tint_the_edge() -> None:
    """A new edge within the opaque part gets its colours from what is seen."""
    alpha = _disc(120, 35)
    image = _mix(alpha, RED, GREEN)
    own = np.full((120, 120), 255, np.uint8)
    own[_disc(120, 45) == 0] = 0  # close around the disc
    image[own == 0] = (255, 0, 255)
    photo = Photo(lay_over(image, own), "x", "PNG", alpha=own, straight=image)
    cut = compose_photo(photo, np.minimum(alpha, own / np.float32(255)), BLACK).astype(int)
    assert np.abs(cut - _mix(alpha, RED, (0, 0, 0)).astype(int)).max() <= 8


def test_behind_a_blur_what_was_clear_is_white(coffee: ByteArray) -> None:
    photo = _half_there(coffee[:120, :120])
    alpha = np.zeros((120, 120), np.float32)
    alpha[50:70, 90:110] = 1
    blurred = compose_photo(photo, alpha, Blur(1.0))
    np.testing.assert_allclose(blurred[60, 5], 255, atol=2)


def test_a_photo_as_background_keeps_its_profile_and_is_seen_over_white() -> None:
    straight = np.zeros((4, 4, 3), np.uint8)
    own = np.full((4, 4), 128, np.uint8)
    photo = Photo(straight, "x", "PNG", P3, alpha=own, straight=straight)
    behind = Picture.from_photo(photo, "contain", (1, 2, 3))
    assert (behind.icc_profile, behind.fit, behind.bars) == (P3, "contain", (1, 2, 3))
    np.testing.assert_allclose(behind.pixels, 127, atol=1)
