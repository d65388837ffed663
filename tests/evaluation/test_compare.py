"""Paired comparison against SciPy and figures worked out by hand; results as files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import file_size_limit
from scipy import stats

from vx_detectron.errors import DataError
from vx_detectron.evaluation.compare import compare
from vx_detectron.evaluation.evaluator import METRICS
from vx_detectron.evaluation.mask_run import SCHEMA
from vx_detectron.evaluation.results import read_results, write_results


def results(ious: dict[str, float], **settings: Any) -> dict[str, Any]:
    """Results in which every metric of a photo is its IoU."""
    rows = [{"name": name, **dict.fromkeys(METRICS, iou)} for name, iou in ious.items()]
    return {
        "schema": SCHEMA,
        "data": {"fingerprint": settings.pop("fingerprint", "f")},
        "settings": {"rescale": False, "threshold": 0.5, **settings},
        "photos": rows,
    }


def test_differences_written_out() -> None:
    first = results({"a": 0.5, "b": 0.6, "c": 0.7, "gone": 1.0})
    second = results({"c": 0.705, "b": 0.4, "a": 0.8, "new": 1.0})
    comparison = compare(first, second, changed=2)
    assert comparison["photos"] == 3
    assert (comparison["only_first"], comparison["only_second"]) == (["gone"], ["new"])
    iou = comparison["metrics"]["iou"]
    assert iou["first"] == pytest.approx(0.6) and iou["second"] == pytest.approx(1.905 / 3)
    assert iou["difference"] == pytest.approx(0.105 / 3)
    assert (iou["better"], iou["worse"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert iou["low"] == pytest.approx(-0.2) and iou["high"] == pytest.approx(0.3)
    assert [(one["name"], one["difference"]) for one in comparison["changed"]] == [
        ("a", pytest.approx(0.3)),
        ("b", pytest.approx(-0.2)),
    ]


def test_of_errors_less_is_better() -> None:
    table = compare(results({"a": 0.5, "b": 0.6}), results({"a": 0.4, "b": 0.6}))["metrics"]
    assert (table["mae"]["better"], table["mae"]["worse"]) == (0.5, 0)
    assert (table["iou"]["better"], table["iou"]["worse"]) == (0, 0.5)


def test_significance_equals_scipy() -> None:
    random = np.random.default_rng(4)
    before = random.random(60)
    after = np.clip(before + random.normal(0.02, 0.05, 60), 0, 1)
    names = [str(number) for number in range(60)]
    iou = compare(
        results(dict(zip(names, before, strict=True))),
        results(dict(zip(names, after, strict=True))),
    )["metrics"]["iou"]
    assert iou["p"] == pytest.approx(stats.wilcoxon(after, before).pvalue)
    reference = stats.bootstrap((after - before,), np.mean, method="percentile", rng=0)
    assert iou["low"] == pytest.approx(reference.confidence_interval.low, abs=1e-3)
    assert iou["high"] == pytest.approx(reference.confidence_interval.high, abs=1e-3)


def test_the_same_results_do_not_differ() -> None:
    same = results({"a": 0.5, "b": 0.6})
    comparison = compare(same, same)
    assert comparison["metrics"]["iou"]["p"] == 1
    assert comparison["metrics"]["iou"]["difference"] == 0
    assert comparison["changed"] == [] and comparison["unlike"] == []


def test_what_runs_should_have_in_common_is_named() -> None:
    first = results({"a": 0.5})
    second = results({"a": 0.5}, fingerprint="g", rescale=True)
    assert compare(first, second)["unlike"] == ["data.fingerprint", "settings.rescale"]


def test_no_photo_in_common_is_an_error() -> None:
    with pytest.raises(DataError, match="no photo in common; the first has 1, such as a"):
        compare(results({"a": 0.5}), results({"b": 0.5}))


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    written = results({"a": 0.5, "b, c": 0.25})
    written["photos"][0]["seconds"] = {"network": 0.5}
    write_results(tmp_path / "new", written)
    assert read_results(tmp_path / "new" / "results.json", SCHEMA) == written
    with (tmp_path / "new" / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "b, c"]
    assert [float(row["iou"]) for row in rows] == [0.5, 0.25]
    assert [row["seconds.network"] for row in rows] == ["0.5", ""]


def test_results_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_results(tmp_path, results({"a": 0.5}))
    before = (tmp_path / "results.json").read_bytes()
    with file_size_limit(1000), pytest.raises(DataError, match=r"cannot write .*results\.json"):
        write_results(tmp_path, results({str(number): 0.5 for number in range(50)}))
    assert (tmp_path / "results.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not json"),
        ("[]", "schema vx-evaluation-masks/1, it has None"),
        (json.dumps({"schema": "vx-evaluation-masks/0"}), "it has 'vx-evaluation-masks/0'"),
    ],
)
def test_files_that_are_no_results(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_results(path, SCHEMA)
