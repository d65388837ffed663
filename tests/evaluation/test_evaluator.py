"""The figures of a set against hand-made counts, pysodmetrics and SciPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from mask_sets import disc_masks
from scipy import stats
from scipy.ndimage import gaussian_filter

from vx_detectron.evaluation.evaluator import METRICS, MaskEvaluator
from vx_detectron.evaluation.predictors import Prediction
from vx_detectron.evaluation.statistics import bootstrap_means

LEFT = np.array([[True, True, False, False]])
ONE = np.array([[True, False, False, False]])


def predicted(mask: np.ndarray, source: str = "file", **seconds: float) -> Prediction:
    return Prediction(mask.astype(np.float32), source, seconds)


def test_mean_over_photos_and_total_of_pixels_are_told_apart() -> None:
    evaluator = MaskEvaluator()
    evaluator.process("small", predicted(ONE), LEFT)  # 1 of 2
    whole = np.ones((10, 10), dtype=bool)
    evaluator.process("large", predicted(whole), whole)  # 100 of 100
    summary = evaluator.evaluate()["summary"]
    assert summary["mean"]["iou"]["value"] == pytest.approx((1 / 2 + 1) / 2)
    assert summary["total"]["iou"] == pytest.approx(101 / 102)
    assert summary["total"]["recall"] == pytest.approx(101 / 102)
    assert summary["total"]["precision"] == 1
    assert summary["photos"] == 2


def test_no_subject_counts_as_an_empty_mask() -> None:
    evaluator = MaskEvaluator()
    evaluator.process("a", predicted(LEFT, "instances"), LEFT)
    evaluator.process("b", predicted(np.zeros_like(LEFT), "no subject"), LEFT)
    summary = evaluator.evaluate()["summary"]
    assert summary["mean"]["iou"]["value"] == 0.5
    assert summary["mask_sources"] == {"instances": 1, "no subject": 1}


def test_reset_forgets_everything() -> None:
    evaluator = MaskEvaluator()
    evaluator.process("a", predicted(~LEFT), LEFT)
    evaluator.reset()
    evaluator.process("b", predicted(LEFT), LEFT)
    results = evaluator.evaluate()
    assert [row["name"] for row in results["photos"]] == ["b"]
    assert results["summary"]["total"]["iou"] == 1
    assert results["curves"]["recall"] == [1.0] * 256


@pytest.mark.parametrize("rescale", [False, True])
def test_a_set_has_the_figures_of_pysodmetrics(rescale: bool) -> None:
    sod = pytest.importorskip("py_sod_metrics")
    measures = (sod.Emeasure(), sod.Smeasure(), sod.WeightedFmeasure(), sod.MAE())
    f_measure = sod.FmeasureV2(
        {"f": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3)}
    )
    evaluator = MaskEvaluator(rescale)
    for seed, truth in enumerate(disc_masks()):
        noise = np.random.default_rng(seed).random(truth.shape)
        soft = gaussian_filter(0.6 * truth + 0.3 * noise, 2)
        levels = np.round(soft * 255).astype(np.uint8)
        alpha = levels.astype(np.float32) / np.float32(255)
        evaluator.process(str(seed), Prediction(alpha, "file"), truth)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one in (f_measure, *measures):
                if rescale:
                    one.step(levels, truth.astype(np.uint8) * 255)
                else:
                    one.step(alpha.astype(np.float64), truth, normalize=False)
    summary = evaluator.evaluate()["summary"]
    (em, sm, wfm, mae), f = (one.get_results() for one in measures), f_measure.get_results()["f"]
    mean = {name: one["value"] for name, one in summary["mean"].items()}
    ours = [mean[name] for name in ("adaptive_e", "s_measure", "weighted_f", "mae", "adaptive_f")]
    theirs = [em["em"]["adp"], sm["sm"], wfm["wfm"], mae["mae"], f["adaptive"]]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    curves = [summary["curve"][name] for name in ("max_f", "mean_f", "max_e", "mean_e")]
    theirs = [f["dynamic"].max(), f["dynamic"].mean()]
    theirs += [em["em"]["curve"].max(), em["em"]["curve"].mean()]
    np.testing.assert_allclose(curves, theirs, rtol=0, atol=1e-6)


def test_maximum_f_of_mean_precision_and_recall_written_out() -> None:
    evaluator = MaskEvaluator()
    evaluator.process("half", predicted(ONE), LEFT)  # precision 1, recall 1/2
    evaluator.process("all", predicted(LEFT), ONE)  # precision 1/2, recall 1
    curve = evaluator.evaluate()["summary"]["curve"]
    assert curve["max_f_of_mean_pr"] == pytest.approx(1.3 * 0.75 * 0.75 / (1.3 * 0.75))
    fs = 1.3 * 0.5 / (0.3 + 0.5), 1.3 * 0.5 / (0.3 * 0.5 + 1)
    assert curve["max_f"] == pytest.approx(sum(fs) / 2)


def test_slices_and_stage_times() -> None:
    evaluator = MaskEvaluator()
    small, large = disc_masks([5, 20])
    evaluator.process("s", predicted(small, network=1.0, refinement=0.5), small, category="cat")
    evaluator.process("l", predicted(~large, network=3.0), large, category="dog")
    results = evaluator.evaluate()
    assert results["slices"]["size"]["under 5%"]["iou"]["value"] == 1
    assert results["slices"]["size"]["20% and more"]["iou"]["value"] == 0
    assert {kind: one["photos"] for kind, one in results["slices"]["category"].items()} == {
        "cat": 1,
        "dog": 1,
    }
    assert results["summary"]["seconds"] == {
        "network": {"mean": 2.0, "median": 2.0},
        "refinement": {"mean": 0.5, "median": 0.5},
    }


def test_rows_have_every_metric() -> None:
    evaluator = MaskEvaluator()
    evaluator.process("a", predicted(ONE), LEFT)
    (row,) = evaluator.evaluate()["photos"]
    assert set(METRICS) <= row.keys()
    assert row["counts"] == {
        "true_positive": 1,
        "false_positive": 0,
        "false_negative": 1,
        "true_negative": 2,
    }


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).beta(5, 2, size=(80, 3))
    low, high = bootstrap_means(values, seed=2)
    for column in range(3):
        reference = stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=10_000, method="percentile", rng=2
        ).confidence_interval
        spread = values[:, column].std() / np.sqrt(len(values))
        assert low[column] == pytest.approx(reference.low, abs=0.12 * spread)
        assert high[column] == pytest.approx(reference.high, abs=0.12 * spread)


def test_bootstrap_is_seeded_and_knows_no_doubt_without_spread() -> None:
    values = np.random.default_rng(1).random((50, 2))
    first, second = bootstrap_means(values, 500), bootstrap_means(values, 500)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, bootstrap_means(values, 500, seed=1))
    low, high = bootstrap_means(np.full((7, 1), 0.25), 200)
    assert low[0] == high[0] == 0.25


def test_bootstrap_in_several_steps_is_still_one() -> None:
    values = np.random.default_rng(1).random((3000, 1))  # 4 million draws at once: two steps
    low, high = bootstrap_means(values, 2000)
    expected = 1.96 * values.std() / np.sqrt(3000)
    assert values.mean() - low[0] == pytest.approx(expected, rel=0.1)
    assert high[0] - values.mean() == pytest.approx(expected, rel=0.1)
