"""Mask agreement against hand-counted masks, scikit-learn and the definition of Boundary IoU."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from vx_detectron.metrics import boundary_iou, count, mean_absolute_error

EMPTY = np.zeros((4, 5), dtype=bool)
FULL = np.ones((4, 5), dtype=bool)


def test_counts_of_a_mask_written_out() -> None:
    predicted = np.array([[1, 1, 0], [0, 0, 0]], dtype=bool)
    truth = np.array([[1, 0, 1], [0, 0, 0]], dtype=bool)
    counts = count(predicted, truth)
    assert (counts.true_positive, counts.false_positive) == (1, 1)
    assert (counts.false_negative, counts.true_negative) == (1, 3)
    assert counts.iou == pytest.approx(1 / 3)
    assert counts.dice == pytest.approx(1 / 2)


@pytest.mark.parametrize("seed", range(20))
def test_ratios_equal_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.random((13, 17)) < 0.4
    predicted = truth ^ (random.random((13, 17)) < 0.2)
    counts = count(predicted, truth)
    pair = truth.ravel(), predicted.ravel()
    assert counts.iou == pytest.approx(jaccard_score(*pair), abs=1e-12)
    assert counts.dice == pytest.approx(f1_score(*pair), abs=1e-12)
    assert counts.precision == pytest.approx(precision_score(*pair), abs=1e-12)
    assert counts.recall == pytest.approx(recall_score(*pair), abs=1e-12)
    assert counts.accuracy == pytest.approx(accuracy_score(*pair), abs=1e-12)


@pytest.mark.parametrize(
    ("predicted", "truth", "iou", "precision", "recall"),
    [
        (EMPTY, EMPTY, 1, 1, 1),
        (EMPTY, FULL, 0, 0, 0),
        (FULL, EMPTY, 0, 0, 0),
        (FULL, FULL, 1, 1, 1),
    ],
)
def test_empty_masks_are_decided(
    predicted: np.ndarray, truth: np.ndarray, iou: float, precision: float, recall: float
) -> None:
    counts = count(predicted, truth)
    assert (counts.iou, counts.dice) == (iou, iou)
    assert (counts.precision, counts.recall) == (precision, recall)
    assert boundary_iou(predicted, truth) == iou


def test_boundary_iou_by_its_definition() -> None:
    truth = np.zeros((60, 80), dtype=bool)
    truth[10:40, 20:60] = True
    predicted = np.roll(truth, 3, axis=1)
    width = 2  # two per cent of the diagonal of 100

    def border(mask: np.ndarray) -> np.ndarray:
        inside = ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=width, border_value=0)
        return mask & ~inside

    expected = jaccard_score(border(truth).ravel(), border(predicted).ravel())
    assert boundary_iou(predicted, truth) == pytest.approx(expected, abs=1e-12)


def test_boundary_iou_sees_the_edge_that_iou_overlooks() -> None:
    truth = np.zeros((100, 100), dtype=bool)
    truth[5:95, 5:95] = True
    predicted = ndimage.binary_erosion(truth, np.ones((3, 3)), iterations=3)
    assert count(predicted, truth).iou > 0.85
    assert boundary_iou(predicted, truth) < 0.1


def test_mean_absolute_error_takes_alpha_as_it_is() -> None:
    alpha = np.array([[0.0, 0.25], [0.5, 1.0]], dtype=np.float32)
    truth = np.array([[False, False], [True, True]])
    assert mean_absolute_error(alpha, truth) == pytest.approx(0.75 / 4)


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(4, 5\), got \(5, 4\)"):
        count(EMPTY.T, EMPTY)
    with pytest.raises(ValueError, match="must be bool"):
        count(EMPTY.astype(np.uint8), EMPTY)
    with pytest.raises(ValueError, match="shape"):
        mean_absolute_error(np.zeros((2, 2), np.float32), EMPTY)
