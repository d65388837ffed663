"""The refinement from end to end: what ran, what came out, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from vx_detectron.refine import RefineOptions, refine
from vx_detectron.refine.window import sample, surroundings
from vx_detectron.structures import paste_mask

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

OFF = RefineOptions(fuse_saliency=False, dense_crf=False, morphology=False, sharp_edge=False)
DEFAULT = ("saliency fusion", "DenseCRF", "morphology", "sharp edge")


def _ellipse(size: tuple[int, int], centre: tuple[float, float], axes: tuple[float, float]) -> Any:
    yy, xx = np.mgrid[: size[0], : size[1]] + 0.5
    return ((yy - centre[0]) / axes[0]) ** 2 + ((xx - centre[1]) / axes[1]) ** 2 <= 1


def _through_a_mask_head(truth: NDArray[np.bool_]) -> tuple[FloatArray, float]:
    """The truth as a 28 x 28 head with hard cells gives it, and the side of a cell."""
    rows, columns = (np.flatnonzero(truth.any(axis=axis)) for axis in (1, 0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)
    centres = (np.arange(28) + 0.5) / 28
    yy = (box[1] + centres * (box[3] - box[1])).astype(int)
    xx = (box[0] + centres * (box[2] - box[0])).astype(int)
    grid = truth[np.ix_(yy, xx)].astype(np.float32)
    cell = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])) / 28)
    return paste_mask(grid, box, truth.shape), cell


def _iou(alpha: FloatArray, truth: NDArray[np.bool_]) -> float:
    found = alpha >= 0.5
    return float((found & truth).sum() / (found | truth).sum())


@pytest.fixture(scope="module")
def scene() -> tuple[ByteArray, FloatArray, float, NDArray[np.bool_]]:
    """A star on a gradient with noise; its pasted mask, cell and truth. All read-only."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:300, :400] + 0.5
    angle, radius = np.arctan2(yy - 150, xx - 200), np.hypot(yy - 150, xx - 200)
    truth = radius < 90 + 35 * np.sin(5 * angle)
    image = np.stack([60 + xx / 4, 90 + yy / 6, np.full_like(xx, 150)], axis=-1)
    image[truth] = (210, 190, 60)
    noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    mask, cell = _through_a_mask_head(truth)
    for array in (noisy, mask):
        array.setflags(write=False)
    return noisy, mask, cell, truth


def test_refined_is_better_than_pasted(scene: Any) -> None:
    image, mask, cell, truth = scene
    alpha, steps = refine(image, mask, cell=cell)
    assert steps == DEFAULT[1:]
    assert alpha.dtype == np.float32
    assert alpha.shape == mask.shape
    assert _iou(mask, truth) < 0.97
    assert _iou(alpha, truth) > 0.985


def test_bounded_size_still_follows_the_photo(scene: Any) -> None:
    image, mask, cell, truth = scene
    alpha, _ = refine(image, mask, cell=cell, options=RefineOptions(working_side=96))
    assert _iou(alpha, truth) > 0.98


def test_alpha_is_exact_away_from_the_edge_and_soft_on_it(scene: Any) -> None:
    image, mask, cell, truth = scene
    alpha, _ = refine(image, mask, cell=cell)
    assert (alpha[ndimage.binary_erosion(truth, iterations=20)] == 1).all()
    assert (alpha[~ndimage.binary_dilation(truth, iterations=20)] == 0).all()
    soft = (alpha > 0) & (alpha < 1)
    outline = (truth & ~ndimage.binary_erosion(truth)).sum()
    assert 0 < soft.sum() < 4 * outline


def test_map_of_the_subject_is_used_and_said(scene: Any) -> None:
    image, mask, cell, truth = scene
    saliency = np.clip(ndimage.zoom(truth.astype(np.float32), 0.25, order=1), 0, 1)
    eroded = ndimage.binary_erosion(mask >= 0.5, iterations=4).astype(np.float32)
    options = RefineOptions(dense_crf=False)  # which would find the edge by itself
    alpha, steps = refine(image, eroded, cell=cell, saliency=saliency, options=options)
    without, _ = refine(image, eroded, cell=cell, options=options)
    assert steps == ("saliency fusion", "morphology", "sharp edge")
    assert _iou(alpha, truth) > _iou(without, truth) + 0.02


def test_map_of_something_else_changes_nothing(scene: Any) -> None:
    image, mask, cell, _ = scene
    saliency = np.zeros((40, 50), dtype=np.float32)
    saliency[:5, :5] = 1
    alpha, steps = refine(image, mask, cell=cell, saliency=saliency)
    assert steps == DEFAULT[1:]
    np.testing.assert_array_equal(alpha, refine(image, mask, cell=cell)[0])


def test_all_off_changes_nothing(scene: Any) -> None:
    image, mask, cell, _ = scene
    alpha, steps = refine(image, mask, cell=cell, saliency=mask, options=OFF)
    assert steps == ()
    assert alpha is not mask
    np.testing.assert_array_equal(alpha, mask)


@pytest.mark.parametrize(
    ("switch", "steps"),
    [
        ({"dense_crf": False}, ("morphology", "sharp edge")),
        ({"sharp_edge": False}, ("DenseCRF", "morphology")),
        ({"morphology": False}, ("DenseCRF", "sharp edge")),
    ],
)
def test_each_switch_switches(scene: Any, switch: dict[str, bool], steps: tuple[str, ...]) -> None:
    image, mask, cell, _ = scene
    assert refine(image, mask, cell=cell, options=RefineOptions(**switch))[1] == steps


def test_speck_far_away_goes(scene: Any) -> None:
    image, mask, cell, _ = scene
    specked = mask.copy()
    specked[5:8, 5:8] = 1
    alpha, _ = refine(image, specked, cell=cell)
    assert alpha[:15, :15].max() == 0


def test_real_hole_and_thin_leg_stay_and_pinhole_closes() -> None:
    yy, xx = np.mgrid[:200, :200] + 0.5
    radius = np.hypot(yy - 80, xx - 100)
    truth = (radius < 60) & (radius > 12)  # a ring
    leg = (abs(xx - 100) < 2) & (yy > 138) & (yy < 190)
    truth |= leg
    noise = np.random.default_rng(0).normal(0, 5, (200, 200, 1))
    painted = np.where(truth[..., None], (200, 90, 40), (40, 110, 160)) + noise
    image = np.clip(painted, 0, 255).astype(np.uint8)
    mask = np.clip(ndimage.gaussian_filter(truth.astype(np.float32), 1.0), 0, 1)
    mask[80:83, 60:63] = 0.1  # no such hole in the photo
    alpha, _ = refine(image, mask, cell=4.0)
    assert alpha[radius < 9].max() == 0
    assert (alpha[leg] >= 0.5).mean() > 0.95
    assert alpha[78:85, 58:65].min() == 1


@pytest.mark.parametrize("value", [0.0, 0.01, 0.3])
def test_mask_without_subject_gives_no_subject(value: float) -> None:
    image = np.full((20, 30, 3), 90, dtype=np.uint8)
    alpha, _ = refine(image, np.full((20, 30), value, np.float32), cell=3.0)
    np.testing.assert_array_equal(alpha, 0)


def test_full_mask_stays_full(astronaut: ByteArray) -> None:
    alpha, _ = refine(astronaut, np.ones((512, 512), np.float32), cell=20.0)
    np.testing.assert_array_equal(alpha, 1)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 1)])
def test_tiny_photos(size: tuple[int, int], value: float) -> None:
    image = np.full((*size, 3), 7, dtype=np.uint8)
    mask = np.full(size, value, dtype=np.float32)
    alpha, _ = refine(image, mask, cell=0.1, saliency=np.full((1, 1), value, np.float32))
    np.testing.assert_array_equal(alpha, mask)


def test_subject_cut_by_the_frame_keeps_its_border(scene: Any) -> None:
    image, mask, cell, _ = scene
    alpha, _ = refine(image[150:].copy(), mask[150:].copy(), cell=cell)
    assert (alpha[0, 190:210] == 1).all()


def test_astronaut(astronaut: ByteArray) -> None:
    head = _ellipse((512, 512), (110, 225), (85, 65))
    mask, cell = _through_a_mask_head(head)
    alpha, steps = refine(astronaut, mask, cell=cell)
    assert steps == DEFAULT[1:]
    assert alpha[110, 225] == 1
    assert alpha[400, 450] == 0
    assert _iou(alpha, head) > 0.8


def test_window_of_the_map_is_the_map_of_the_window() -> None:
    # A linear ramp is reproduced exactly by bilinear sampling, wherever it is sampled.
    columns = np.broadcast_to((np.arange(40, dtype=np.float32) + 0.5) / 40, (30, 40))
    window = (slice(30, 90), slice(80, 160))  # of a photo of 120 x 160
    sampled = sample(np.ascontiguousarray(columns), (120, 160), window, (30, 40))
    wanted = (80 + (np.arange(40) + 0.5) * 2) / 160
    np.testing.assert_allclose(sampled[10, :-1], wanted[:-1], atol=2e-3)
    assert sampled[:, -1].min() > 0.97  # the map goes on to the photo's border


def test_a_window_is_refined_as_a_photo_of_its_own(scene: Any) -> None:
    image, mask, cell, _ = scene
    window = (slice(10, 290), slice(60, 340))
    assert not mask[:10].any() and not mask[290:].any()
    alpha, _ = refine(image, mask[window].copy(), cell=cell, window=window)
    alone, _ = refine(image[window].copy(), mask[window].copy(), cell=cell)
    expected = np.zeros_like(alpha)
    expected[window] = alone
    np.testing.assert_array_equal(alpha, expected)


def test_a_small_mask_is_enough_for_a_large_photo(scene: Any) -> None:
    image, mask, cell, _ = scene
    large = image.repeat(4, axis=0).repeat(4, axis=1)
    alpha, _ = refine(large, mask, cell=4 * cell)
    whole = mask.repeat(4, axis=0).repeat(4, axis=1)
    same, _ = refine(large, whole, cell=4 * cell, options=RefineOptions(working_side=400))
    assert alpha.shape == large.shape[:2]
    np.testing.assert_allclose(alpha, same, atol=1e-4)


def test_surroundings_by_hand() -> None:
    boxes = np.float32([[10, 20, 30, 40], [25.5, 5.5, 50, 30]])
    assert surroundings(boxes, 3.0, (100, 200)) == (slice(2, 43), slice(7, 53))
    assert surroundings(boxes, 12.0, (45, 51)) == (slice(0, 45), slice(0, 51))
    assert surroundings(np.float32([[300, 20, 310, 40]]), 3.0, (100, 200)) is None


GOOD: dict[str, Any] = {
    "image": np.zeros((4, 5, 3), np.uint8),
    "mask": np.zeros((4, 5), np.float32),
    "cell": 1.0,
    "saliency": None,
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("image", np.zeros((4, 5, 3), np.float32), "image must be RGB uint8"),
        ("image", np.zeros((4, 5, 4), np.uint8), "image must be RGB uint8"),
        ("image", np.zeros((0, 5, 3), np.uint8), "image must be RGB uint8"),
        ("mask", np.zeros((4, 5), np.float64), "mask must be float32"),
        ("mask", np.zeros((5, 4), np.float32), "mask must have at most the size"),
        ("mask", np.full((4, 5), 1.5, np.float32), "mask must lie within 0..1"),
        ("mask", np.full((4, 5), np.nan, np.float32), "mask must lie within 0..1"),
        ("cell", 0.0, "cell must be a positive number"),
        ("cell", np.inf, "cell must be a positive number"),
        ("saliency", np.zeros((2, 2, 1), np.float32), "saliency must be float32"),
        ("saliency", np.full((2, 2), -1, np.float32), "saliency must lie within 0..1"),
    ],
)
def test_wrong_input_is_refused(name: str, value: Any, message: str) -> None:
    given = GOOD | {name: value}
    with pytest.raises(ValueError, match=message):
        refine(given.pop("image"), given.pop("mask"), **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [("saliency_weight", 1.1), ("crf_sxy", 0.0), ("edge_width", -1.0), ("working_side", 8),
     ("crf_iterations", 0), ("crf_compat", float("nan"))],
)  # fmt: skip
def test_wrong_options_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        RefineOptions(**{name: value})
