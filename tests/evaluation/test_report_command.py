"""``evaluate`` writes a page beside its results, and shows there what was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mask_sets import disc_masks, write_masks, write_set
from shipped_photos import Photo
from test_report import Page

from vx_detectron.cli.evaluate import main

# pycocotools 2 hands NumPy 2 an array-like of the old kind.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def data(coffee: Photo, tmp_path: Path) -> Path:
    """Photos in ``images``, their ``masks``, and two folders of predictions."""
    write_set(tmp_path, coffee, disc_masks())
    for shift in (2, 6):
        write_masks(tmp_path / f"shift{shift}", disc_masks(shift=shift))
    return tmp_path


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def masks(data: Path, predicted: str, out: str, *options: str | Path) -> Result:
    where = data / "images", data / "masks", "--predictions", data / predicted
    return run("masks", *where, "-o", data / out, *options)


def test_pages_of_one_run_and_of_two(data: Path) -> None:
    assert masks(data, "shift6", "before").exit_code == 0
    before = Page(data / "before" / "report.html")
    assert before.tags.count("img") == 4 * 4
    assert "Comparison" not in before.words
    results = data / "before" / "results.json"
    after = masks(data, "shift2", "after", "--against", results)
    assert after.exit_code == 0 and after.stderr == ""
    page = Page(data / "after" / "report.html")
    values = [
        json.loads((data / name / "results.json").read_text())["summary"]["mean"]["iou"]["value"]
        for name in ("before", "after")
    ]
    assert page.cells("Paired differences", "IoU")[:2] == [f"{value:.3f}" for value in values]
    compared = run("compare", results, data / "after" / "results.json", "-o", data / "pair")
    assert compared.exit_code == 0
    alone = Page(data / "pair" / "report.html")
    assert alone.tables["Paired differences"] == page.tables["Paired differences"]
    assert "img" not in alone.tags and "once more for these pictures" not in alone.words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--against", "{}/masks/0.png"), "--against is shown on the page"),
        (("--choice", "{0}/masks/0.png", "{0}/masks/0.png", "{0}"), "leave out --choice"),
    ],
)
def test_wrong_use(data: Path, options: tuple[str, ...], message: str) -> None:
    given = [option.format(data) for option in options]
    folders = data / "images", data / "masks", "--predictions", data / "shift2"
    result = run("masks", *folders, *given)
    assert result.exit_code == 2 and message in result.stderr


def test_a_baseline_that_is_none_fails_before_the_run(data: Path) -> None:
    result = masks(data, "shift2", "out", "--against", data / "masks" / "0.png")
    assert result.exit_code == 1 and "should be a results.json" in result.stderr
    assert not (data / "out").exists()


@pytest.mark.slow
def test_masks_and_choice_on_one_page(data: Path, shared: Path) -> None:
    source = shared / "data"
    labels = json.loads((source / "subject_choice_dev.json").read_text())[:2]
    truth = json.loads((source / "instances.json").read_text())
    kept = {one["image_id"] for one in labels}
    for key, number in (("images", "id"), ("annotations", "image_id")):
        truth[key] = [one for one in truth[key] if one[number] in kept]
    (data / "labels.json").write_text(json.dumps(labels))
    (data / "truth.json").write_text(json.dumps(truth))
    choice = data / "labels.json", data / "truth.json", source / "images"
    options = ("--engine", "torchvision", "--device", "cpu", "-o", data / "out")
    result = run("masks", data / "images", data / "masks", "--choice", *choice, *options)
    assert result.exit_code == 0, result.stderr
    page = Page(data / "out" / "report.html")
    chosen = json.loads((data / "out" / "choice" / "results.json").read_text())
    summary = chosen["end_to_end"]["summary"]["clear"]
    shown = page.cells("By what people say", "clear")
    assert shown[0] == str(summary["photos"])
    assert page.words.count(chosen["prediction"]["weights_sha256"]) == 2
    assert "Seconds a photo" in page.tables
