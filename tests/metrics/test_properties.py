"""What holds for every pair of masks, whatever they show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from vx_detectron.metrics import (
    adaptive_counts,
    boundary_iou,
    count,
    e_measure,
    f_measure,
    mean_absolute_error,
    s_measure,
    threshold_counts,
    weighted_f_measure,
)


@st.composite
def two_masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=12))
    return draw(arrays(np.bool_, shape)), draw(arrays(np.bool_, shape))


@st.composite
def soft_and_true(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=12))
    levels = draw(arrays(np.uint8, shape))
    return levels.astype(np.float32) / np.float32(255), draw(arrays(np.bool_, shape))


@given(two_masks())
def test_overlap_is_symmetric_and_dice_follows_from_iou(pair: tuple[np.ndarray, ...]) -> None:
    first, second = pair
    one, other = count(first, second), count(second, first)
    assert one.iou == other.iou and one.dice == other.dice
    assert one.precision == other.recall
    assert boundary_iou(first, second) == boundary_iou(second, first)
    assert one.dice == pytest.approx(2 * one.iou / (1 + one.iou))


@given(two_masks())
def test_counts_add_up(pair: tuple[np.ndarray, ...]) -> None:
    counts, half = count(*pair), len(pair[0]) // 2
    parts = [count(pair[0][rows], pair[1][rows]) for rows in (slice(half), slice(half, None))]
    assert parts[0] + parts[1] == counts
    assert counts.true_positive + counts.false_negative == pair[1].sum()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(two_masks())
def test_iou_equals_pycocotools(pair: tuple[np.ndarray, ...]) -> None:
    codes = [coco.encode(np.asfortranarray(mask, dtype=np.uint8)) for mask in pair]
    if pair[0].any() or pair[1].any():  # of two empty masks pycocotools says 0
        assert count(*pair).iou == pytest.approx(coco.iou(codes[:1], codes[1:], [0])[0, 0])


@given(soft_and_true(), st.sampled_from([0, 1]))
def test_measures_do_not_depend_on_the_side(pair: tuple[np.ndarray, ...], axis: int) -> None:
    alpha, truth = pair
    turned, turned_truth = np.flip(alpha, axis), np.flip(truth, axis)
    hard, turned_hard = alpha >= 0.5, turned >= 0.5
    assert count(hard, truth) == count(turned_hard, turned_truth)
    assert boundary_iou(hard, truth) == boundary_iou(turned_hard, turned_truth)
    assert mean_absolute_error(alpha, truth) == pytest.approx(
        mean_absolute_error(turned, turned_truth)
    )
    one, other = threshold_counts(alpha, truth), threshold_counts(turned, turned_truth)
    assert np.array_equal(f_measure(one), f_measure(other))
    assert np.array_equal(e_measure(one), e_measure(other))


@given(soft_and_true())
def test_every_measure_keeps_its_range(pair: tuple[np.ndarray, ...]) -> None:
    counts, adaptive = threshold_counts(*pair), adaptive_counts(*pair)
    for values in (f_measure(counts), f_measure(adaptive)):
        assert np.all((values >= 0) & (values <= 1 + 1e-12))
    whole = pair[1].size / max(pair[1].size - 1, 1)  # the authors divide by one pixel less
    for values in (e_measure(counts), e_measure(adaptive)):
        assert np.all((values >= 0) & (values <= whole + 1e-12))
    assert 0 <= s_measure(*pair) <= 1 + 1e-12
    assert 0 <= weighted_f_measure(*pair) <= 1 + 1e-12


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_the_truth_itself_is_best(truth: np.ndarray) -> None:
    alpha = truth.astype(np.float32)
    assert count(truth, truth).iou == boundary_iou(truth, truth) == 1
    assert mean_absolute_error(alpha, truth) == 0
    assert weighted_f_measure(alpha, truth) == pytest.approx(1)
    assert s_measure(alpha, truth) == pytest.approx(1)
    assert np.all(f_measure(threshold_counts(alpha, truth))[1:] == 1)
