"""The salient-object measures against pysodmetrics, the field's reference code."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from mask_pairs import Pair, hand_made_pairs, random_pairs

from vx_detectron.metrics import (
    ThresholdCounts,
    adaptive_counts,
    e_measure,
    f_measure,
    mean_absolute_error,
    precision,
    recall,
    s_measure,
    stretch,
    threshold_counts,
    weighted_f_measure,
)

sod = pytest.importorskip("py_sod_metrics")

CLOSE = 1e-6
BOX = hand_made_pairs()["box, box"][1]


def ours(alpha: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray | float]:
    counts, adaptive = threshold_counts(alpha, truth), adaptive_counts(alpha, truth)
    return {
        "precision": precision(counts),
        "recall": recall(counts),
        "F": f_measure(counts),
        "adaptive F": f_measure(adaptive)[0],
        "E": e_measure(counts),
        "adaptive E": e_measure(adaptive)[0],
        "S": s_measure(alpha, truth),
        "weighted F": weighted_f_measure(alpha, truth),
        "MAE": mean_absolute_error(alpha, truth),
    }


def theirs(
    alpha: np.ndarray, truth: np.ndarray, normalize: bool = False
) -> dict[str, np.ndarray | float]:
    """The same by pysodmetrics, whose thresholds fall."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        family = sod.FmeasureV2(
            {
                "precision": sod.PrecisionHandler(with_dynamic=True, with_adaptive=False),
                "recall": sod.RecallHandler(with_dynamic=True, with_adaptive=False),
                "F": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3),
            }
        )
        measures = {
            "em": sod.Emeasure(),
            "sm": sod.Smeasure(),
            "wfm": sod.WeightedFmeasure(),
            "mae": sod.MAE(),
        }
        for one in (family, *measures.values()):
            one.step(alpha, truth, normalize=normalize)
        curves = family.get_results()
        results = {name: one.get_results()[name] for name, one in measures.items()}
    return {
        "precision": curves["precision"]["dynamic"][::-1],
        "recall": curves["recall"]["dynamic"][::-1],
        "F": curves["F"]["dynamic"][::-1],
        "adaptive F": curves["F"]["adaptive"],
        "E": results["em"]["curve"][::-1],
        "adaptive E": results["em"]["adp"],
        "S": results["sm"],
        "weighted F": results["wfm"],
        "MAE": results["mae"],
    }


def largest_differences(pairs: list[Pair]) -> dict[str, float]:
    largest: dict[str, float] = {}
    for alpha, truth in pairs:
        mine, reference = ours(alpha, truth), theirs(alpha, truth)
        for name in mine:
            difference = float(np.max(np.abs(mine[name] - reference[name])))
            largest[name] = max(largest.get(name, 0.0), difference)
    return largest


def show(title: str, differences: dict[str, float]) -> None:
    print(f"\nlargest difference from pysodmetrics, {title}")
    for name, difference in differences.items():
        print(f"  {name:<11} {difference:.1e}")


def test_random_pairs_equal_pysodmetrics() -> None:
    differences = largest_differences(list(random_pairs(200)))
    show("200 random pairs", differences)
    assert max(differences.values()) < CLOSE


def test_hand_made_pairs_equal_pysodmetrics() -> None:
    pairs = hand_made_pairs()
    assert len(pairs) == 20
    # The last row is its own centroid, which is where pysodmetrics averages over nothing.
    kept = [pair for name, pair in pairs.items() if "empty" not in name and name != "one row"]
    differences = largest_differences(kept)
    show("hand-made pairs", differences)
    assert max(differences.values()) < CLOSE


@pytest.mark.parametrize(
    ("name", "other"),
    [  # what differs, and what pysodmetrics has there
        ("empty, empty", {"precision", "recall", "F", "adaptive F", "adaptive E", "weighted F"}),
        ("empty, box", {"adaptive F"}),  # E is a quarter for a full and an empty one alike
        ("empty, full", {"adaptive F", "adaptive E"}),
        ("box, empty", set()),
        ("full, empty", set()),
        ("ramp, empty", set()),
        ("one row", {"S"}),
    ],
)
def test_where_an_empty_mask_makes_us_differ(name: str, other: set[str]) -> None:
    alpha, truth = hand_made_pairs()[name]
    mine, reference = ours(alpha, truth), theirs(alpha, truth)
    close = {one: np.allclose(mine[one], reference[one], rtol=0, atol=CLOSE) for one in mine}
    assert {one for one, equal in close.items() if not equal} == other


def test_empty_masks_are_decided() -> None:
    pairs = hand_made_pairs()
    for name, value in (("empty, empty", 1.0), ("empty, box", 0.0), ("box, empty", 0.0)):
        mine = ours(*pairs[name])
        assert mine["weighted F"] == pytest.approx(value, abs=1e-12), name
        assert mine["adaptive F"] == value, name
        assert np.all(mine["F"][1:] == value), name  # at threshold 0 everything is predicted
    assert ours(*pairs["empty, empty"])["S"] == 1


def test_a_quarter_without_pixels_weighs_nothing() -> None:
    alpha, truth = hand_made_pairs()["one row"]
    assert np.isnan(theirs(alpha, truth)["S"])
    assert 0 < s_measure(alpha, truth) < 1


def test_counts_at_thresholds_written_out() -> None:
    alpha = np.array([[0.0, 0.2, 0.6, 1.0]])
    truth = np.array([[False, True, False, True]])
    counts = threshold_counts(alpha, truth)
    for threshold in (0, 1, 51, 52, 153, 154, 255):
        cut = np.floor(alpha * 255) >= threshold
        assert counts.true_positive[threshold] == (cut & truth).sum()
        assert counts.false_positive[threshold] == (cut & ~truth).sum()
    assert (counts.truth, counts.pixels) == (2, 4)


def test_f_measure_written_out() -> None:
    counts = ThresholdCounts(np.array([6]), np.array([2]), truth=8, pixels=20)
    assert f_measure(counts)[0] == pytest.approx(1.3 * 0.75 * 0.75 / (0.3 * 0.75 + 0.75))
    assert f_measure(counts, beta_squared=1)[0] == pytest.approx(2 * 6 / (2 * 6 + 2 + 2))


def test_published_figures_stretch_the_prediction_first() -> None:
    random = np.random.default_rng(3)
    levels = random.integers(40, 180, size=(24, 31), dtype=np.uint8)
    truth = random.random((24, 31)) < 0.4
    reference = theirs(levels, truth.astype(np.uint8) * 255, normalize=True)
    stretched = ours(stretch(levels / 255), truth)
    plain = ours(levels / 255, truth)
    for name in stretched:
        np.testing.assert_allclose(stretched[name], reference[name], rtol=0, atol=CLOSE)
    assert abs(plain["MAE"] - reference["MAE"]) > 0.01  # nothing is stretched unasked


def test_a_flat_prediction_is_not_stretched() -> None:
    assert np.all(stretch(np.full((3, 4), 0.4)) == 102 / 255)


@pytest.mark.parametrize(
    "measure",
    [
        threshold_counts,
        adaptive_counts,
        mean_absolute_error,
        s_measure,
        weighted_f_measure,
    ],
)
def test_what_does_not_fit_is_refused(measure: Callable[..., object]) -> None:
    alpha = BOX.astype(np.float32)
    with pytest.raises(ValueError, match=r"shape \(12, 16\).* got \(16, 12\)"):
        measure(alpha.T, BOX)
    with pytest.raises(ValueError, match="alpha must be float and the truth bool"):
        measure(BOX, BOX)
    with pytest.raises(ValueError, match=r"within 0\.\.1, got 0\.\.2"):
        measure(alpha * 2, BOX)
    with pytest.raises(ValueError, match=r"within 0\.\.1, got nan"):
        measure(alpha * np.float32(np.nan), BOX)
