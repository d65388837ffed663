"""The CRF finds the photo's edge within its band and touches nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from vx_detectron.errors import ConfigError
from vx_detectron.refine import RefineOptions, follow_edges, refine
from vx_detectron.refine.dense_crf import is_installed

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
CELL = 8.0


def _scene(shift: int) -> tuple[ByteArray, FloatArray, NDArray[np.bool_]]:
    """An orange square on blue with noise, a mask shifted by some pixels, and the truth."""
    rng = np.random.default_rng(0)
    image = np.full((100, 120, 3), (40, 60, 160), dtype=np.float64)
    truth = np.zeros((100, 120), dtype=bool)
    truth[25:75, 30:90] = True
    image[truth] = (220, 120, 30)
    noisy = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    return noisy, np.roll(truth, shift, axis=1).astype(np.float32), truth


def _follow(image: ByteArray, mask: FloatArray, **changes: float) -> FloatArray:
    options = RefineOptions()
    parameters: dict[str, float] = {
        "unary": options.crf_unary,
        "band": options.crf_band,
        "sxy": options.crf_sxy,
        "srgb": options.crf_srgb,
        "compat": 2.0,  # strong enough to see it at work
    } | changes
    return follow_edges(image, mask, CELL, iterations=options.crf_iterations, **parameters)


def test_edge_moves_to_the_photo() -> None:
    image, mask, truth = _scene(shift=3)
    before = ((mask >= 0.5) != truth).sum()
    after = ((_follow(image, mask) >= 0.5) != truth).sum()
    assert before == 300
    assert after <= 30


def test_nothing_beyond_the_band_changes() -> None:
    image, mask, _ = _scene(shift=30)
    refined = _follow(image, mask)
    yy, xx = np.nonzero(refined != mask)
    outside = np.maximum(np.maximum(25 - yy, yy - 74), np.maximum(60 - xx, xx - 119))
    assert outside.max() <= CELL  # beyond the rectangle
    assert -outside.min() <= CELL  # within it
    assert set(np.unique(refined[40:60, 80:100])) == {1.0}


def test_without_pairwise_strength_the_edge_stays() -> None:
    image, mask, _ = _scene(shift=3)
    np.testing.assert_array_equal(_follow(image, mask, compat=0.0) >= 0.5, mask >= 0.5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_mask_without_edge_stays(value: float) -> None:
    image, mask, _ = _scene(shift=0)
    np.testing.assert_array_equal(_follow(image, np.full_like(mask, value)), value)


def test_inputs_are_left_alone() -> None:
    image, mask, _ = _scene(shift=3)
    image.setflags(write=False)
    mask.setflags(write=False)
    _follow(image, mask)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)  # Python's own way to forbid an import
    monkeypatch.delitem(sys.modules, "pydensecrf.densecrf", raising=False)
    is_installed.cache_clear()
    yield
    is_installed.cache_clear()


@pytest.mark.usefixtures("no_library")
def test_missing_library_is_said_aloud() -> None:
    image, mask, _ = _scene(shift=3)
    with pytest.raises(ConfigError, match="vx-detectron\\[crf\\]"):
        _follow(image, mask)
    _, steps = refine(image, mask, cell=CELL)
    assert steps[0] == "no DenseCRF (extra crf not installed)"
    _, steps = refine(image, mask, cell=CELL, options=RefineOptions(dense_crf=False))
    assert not any("DenseCRF" in step for step in steps)
