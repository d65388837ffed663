"""Closed-form matting, against the paper's sum taken term by term and composites of known alpha."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from vx_detectron.refine import RefineOptions, matte, matting, refine
from vx_detectron.refine.matting import _EPS, _PRIOR, _laplacians, _solve, _windows

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]


def _fur() -> tuple[ByteArray, FloatArray]:
    """A disc with 900 short hairs, drawn four times as large, before a gradient; and its alpha."""
    rng = np.random.default_rng(1)
    large = np.zeros((640, 800), dtype=np.uint8)
    cv2.circle(large, (400, 320), 200, 255, -1)
    for angle in rng.uniform(0, 2 * np.pi, 900):
        start = np.array([400, 320]) + 195 * np.array([np.cos(angle), np.sin(angle)])
        lean = angle + rng.normal(0, 0.4)
        end = start + rng.uniform(15, 45) * np.array([np.cos(lean), np.sin(lean)])
        cv2.line(large, np.rint(start).astype(int), np.rint(end).astype(int), 255, 3)
    alpha = cv2.resize(large, (200, 160), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    rows, columns = np.mgrid[:160, :200]
    behind = np.stack([60 + columns / 4, 120 + rows / 4, 150 + rows / 8], axis=-1)
    mixed = alpha[..., None] * np.array([90, 55, 30]) + (1 - alpha[..., None]) * behind
    return np.rint(mixed).astype(np.uint8), alpha


def test_fur_comes_out_better_than_with_the_sharp_edge() -> None:
    image, truth = _fur()
    mask = cv2.GaussianBlur(truth, (0, 0), 3)
    sharp, _ = refine(image, mask, cell=5.0)
    matted, steps = refine(image, mask, cell=5.0, options=RefineOptions(matting=True))
    assert steps == ("DenseCRF", "morphology", "sharp edge", "closed-form matting")
    fine = (truth > 0.02) & (truth < 0.98)
    error_of = [float(((alpha - truth)[fine] ** 2).mean()) for alpha in (sharp, matted)]
    assert error_of[1] < 0.35 * error_of[0]
    assert matted.dtype == np.float32


def test_window_of_the_laplacian_is_the_papers_formula() -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    unknown = np.zeros((5, 6), dtype=bool)
    unknown[2, 3] = True
    windows = _windows(unknown)
    assert len(windows) == 9  # all those that hold the one unknown
    laplacians = _laplacians(image, windows)
    for positions, found in zip(windows, laplacians, strict=True):
        colours = image.reshape(-1, 3)[positions] / 255
        mean, covariance = colours.mean(axis=0), np.cov(colours.T, bias=True)
        inverse = np.linalg.inv(covariance + _EPS / 9 * np.eye(3))
        for i in range(9):
            for j in range(9):
                likeness = (colours[i] - mean) @ inverse @ (colours[j] - mean)
                assert found[i, j] == pytest.approx((i == j) - (1 + likeness) / 9, abs=1e-8)


def test_the_solution_is_scipys() -> None:
    """The same sum of windows as a sparse matrix, solved by a library, directly."""
    image, truth = _fur()
    alpha = cv2.GaussianBlur(truth, (0, 0), 3)
    unknown = (alpha > 0.05) & (alpha < 0.95)
    unknown[:, -2:] = True  # also at the picture's border
    unknown[:2, :30] = True
    windows = _windows(unknown)
    laplacians = _laplacians(image, windows)
    rows = np.repeat(windows, 9, axis=1).ravel()
    columns = np.tile(windows, (1, 9)).ravel()
    whole = sparse.csr_matrix((laplacians.ravel(), (rows, columns)), shape=(alpha.size,) * 2)
    inside = unknown.ravel()
    matrix = whole[inside][:, inside] + _PRIOR * sparse.identity(int(inside.sum()))
    known = np.where(inside, 0, alpha.ravel()).astype(np.float64)
    right_side = -(whole @ known)[inside] + _PRIOR * alpha[unknown]
    wanted = np.clip(spsolve(matrix.tocsc(), right_side), 0, 1)
    solved, converged = _solve(image, alpha, unknown, lambda: None)
    assert converged
    np.testing.assert_allclose(solved[unknown], wanted, atol=2e-3)
    np.testing.assert_array_equal(solved[~unknown], alpha[~unknown])


def test_too_few_steps_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    image, truth = _fur()
    monkeypatch.setattr(matting, "_ITERATIONS", 1)
    start = (cv2.GaussianBlur(truth, (0, 0), 3) >= 0.5).astype(np.float32)
    assert matte(image, start, 6.0)[1] == "closed-form matting, stopped early"


def test_nothing_beyond_the_band_changes() -> None:
    image, truth = _fur()
    start = (cv2.GaussianBlur(truth, (0, 0), 3) >= 0.5).astype(np.float32)
    image.setflags(write=False)
    start.setflags(write=False)
    matted, _ = matte(image, start, 6.0)
    edge = start != cv2.erode(start, np.ones((3, 3), np.uint8))
    far = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5) > 8
    np.testing.assert_array_equal(matted[far], start[far])
    assert 0 <= matted.min() <= matted.max() <= 1


def test_wide_band_is_solved_smaller_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    image, truth = _fur()
    start = (cv2.GaussianBlur(truth, (0, 0), 3) >= 0.5).astype(np.float32)
    monkeypatch.setattr(matting, "_MOST_UNKNOWNS", 1000)
    matted, step = matte(image, start, 6.0)
    assert step.startswith("closed-form matting at ")
    assert matted.shape == start.shape
    fine = (truth > 0.02) & (truth < 0.98)
    assert ((matted - truth)[fine] ** 2).mean() < ((start - truth)[fine] ** 2).mean()


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 8)])
def test_mask_without_edge_stays(size: tuple[int, int], value: float) -> None:
    alpha = np.full(size, value, dtype=np.float32)
    matted, _ = matte(np.zeros((*size, 3), np.uint8), alpha, 3.0)
    np.testing.assert_array_equal(matted, alpha)
