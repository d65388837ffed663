"""J, F, flicker and lag on masks whose figures can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.morphology import disk
from skimage.segmentation import find_boundaries

from vx_detectron.errors import DataError
from vx_detectron.evaluation.video import (
    Clip,
    FolderMasks,
    evaluate_video,
    find_clips,
    flicker,
    lag,
)
from vx_detectron.metrics.contour import contour, contour_f

Mask = NDArray[np.bool_]


def square(left: int, side: int = 20, size: tuple[int, int] = (60, 100)) -> Mask:
    mask = np.zeros(size, bool)
    mask[20 : 20 + side, left : left + side] = True
    return mask


def test_a_contour_is_one_pixel_wide_where_the_mask_changes() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    # The pixel itself, its left and upper neighbours, and the one between them.
    expected = np.zeros((5, 5), bool)
    expected[1:3, 1:3] = True
    assert np.array_equal(contour(mask), expected)
    inner = find_boundaries(square(30), mode="inner")
    assert np.count_nonzero(contour(square(30))) == pytest.approx(np.count_nonzero(inner), rel=0.1)


def test_f_of_contours() -> None:
    truth = square(30)
    assert contour_f(truth, truth) == 1.0
    assert contour_f(square(31), truth) == 1.0  # within 0.8 % of the diagonal, rounded up: 1 pixel
    assert contour_f(square(70), truth) < 0.1
    nothing = np.zeros_like(truth)
    assert contour_f(nothing, truth) == 0.0
    assert contour_f(truth, nothing) == 0.0
    assert contour_f(nothing, nothing) == 1.0


def test_f_is_the_harmonic_mean_of_what_dilation_finds() -> None:
    """The same by SciPy's morphology, on random blobs."""
    from scipy.ndimage import binary_dilation, gaussian_filter

    random = np.random.default_rng(2)
    found, true = (gaussian_filter(random.normal(size=(90, 120)), 6) > 0 for _ in range(2))
    radius = int(np.ceil(0.008 * np.hypot(90, 120)))
    near = [binary_dilation(contour(one), disk(radius)) for one in (found, true)]
    precision = (contour(found) & near[1]).sum() / contour(found).sum()
    recall = (contour(true) & near[0]).sum() / contour(true).sum()
    expected = 2 * precision * recall / (precision + recall)
    assert contour_f(found, true) == pytest.approx(expected)


def test_flicker() -> None:
    still = [(square(30), square(30))] * 4
    assert flicker(still) == 0.0
    # The same error in every frame does not flicker, however large it is.
    assert flicker([(square(30, 10), square(30))] * 4) == 0.0
    # Nothing in every second frame: all of the subject's area changes.
    nothing = np.zeros_like(square(30))
    assert flicker([(square(30), square(30)), (nothing, square(30))] * 2) == 1.0
    # A perfect mask that moves with the truth does not flicker either.
    assert flicker([(square(30 + i), square(30 + i)) for i in range(4)]) == 0.0


@pytest.mark.parametrize("late", [-2, -1, 0, 1, 2])
def test_lag(late: int) -> None:
    pairs = [(square(30 + 2 * (i - late)), square(30 + 2 * i)) for i in range(16)]
    assert lag(pairs) == pytest.approx(late, abs=0.01)


def write(folder: Path, masks: list[Mask]) -> None:
    folder.mkdir(parents=True)
    for number, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number:05d}.png")


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    truth = [square(30 + i) for i in range(10)]
    write(tmp_path / "frames" / "dog", truth)
    write(tmp_path / "true" / "dog", truth)
    (found,) = find_clips([tmp_path / "frames" / "dog"], tmp_path / "true")
    return found


class _Lost:
    """Right but for the last two frames, in which there is nothing."""

    def masks(self, clip: Clip) -> Iterator[tuple[Mask, float]]:
        for number in range(len(clip.frames)):
            mask = square(30 + number) if number < 8 else np.zeros((60, 100), bool)
            yield mask, 0.25


def test_a_run_over_clips(clip: Clip) -> None:
    results = evaluate_video([clip], _Lost())
    (record,) = results["clips"]
    assert record["J"] == record["F"] == pytest.approx(0.8)
    assert record["lost"] == 2
    assert record["lost_frames"] == ["00008", "00009"]
    assert record["seconds"] == 0.25
    assert results["mean"]["J&F"] == pytest.approx(0.8)
    assert evaluate_video([clip], _Lost(), most=5)["mean"]["J"] == 1.0


def test_masks_from_a_folder(clip: Clip, tmp_path: Path) -> None:
    results = evaluate_video([clip], FolderMasks(tmp_path / "true"))
    assert results["mean"]["J"] == results["mean"]["F"] == 1.0
    with pytest.raises(DataError, match="no such folder"):
        evaluate_video([clip], FolderMasks(tmp_path / "nothing"))


def test_what_is_no_clip(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="contains no pictures"):
        find_clips([tmp_path / "empty"], tmp_path / "true")
    (tmp_path / "true" / "dog" / "00003.png").unlink()
    with pytest.raises(DataError, match="no mask for 00003"):
        find_clips([tmp_path / "frames" / "dog"], tmp_path / "true")
