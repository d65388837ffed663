"""The page of an evaluation: what it shows is what the results say, and nothing can get out."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_sets import RADII, disc_masks, write_masks, write_set
from PIL import Image
from shipped_photos import Photo

from vx_detectron.errors import DataError
from vx_detectron.evaluation.compare import compare
from vx_detectron.evaluation.detection import STATS
from vx_detectron.evaluation.evaluator import MaskEvaluator
from vx_detectron.evaluation.mask_run import evaluate_masks
from vx_detectron.evaluation.predictors import MASKS, FolderPredictor, Prediction
from vx_detectron.evaluation.report import Panels, Report, draw_photos, write_report
from vx_detectron.evaluation.report.figures import histogram, in_order, worth_a_look
from vx_detectron.evaluation.report.pictures import draw, error_map
from vx_detectron.evaluation.results import Results
from vx_detectron.evaluation.truths import Truths, truths_from_folders

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DASH = "\N{EN DASH}"
ATTACK = "<img src=x onerror=alert(1)>\"'"


class Page(HTMLParser):
    """What a browser would see: words, sources, and tables by caption, a list of rows each."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.tables: dict[str, list[list[str]]] = {}
        self._caption: str | None = None
        self._rows: list[list[str]] = []
        self._open = ""
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for key, value in attributes if key in ("src", "href")]
        if tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            assert self._caption is not None
            self.tables[self._caption] = self._rows = []
            self._caption = None
        elif tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._caption is not None:
            self._caption += data
        elif self._open:
            self._rows[-1][-1] += data

    def cells(self, caption: str, row: str) -> list[str]:
        """The other cells of the row whose first cell starts so."""
        (found,) = (cells for cells in self.tables[caption] if cells[0].startswith(row))
        return [cell.strip() for cell in found[1:]]


def run(
    folder: Path, photo: Photo, shift: float, radii: Sequence[float] = RADII
) -> tuple[Truths, FolderPredictor, Results]:
    """Discs against discs moved to the right."""
    images, masks = write_set(folder, photo, disc_masks(radii))
    predicted = write_masks(folder / "predicted", disc_masks(radii, shift))
    truths = truths_from_folders(images, masks)
    predictor = FolderPredictor(predicted, map(truths.name, truths.records))
    return truths, predictor, evaluate_masks(truths, predictor)[MASKS]


@pytest.fixture
def results(tmp_path: Path, coffee: Photo) -> Results:
    return run(tmp_path / "set", coffee, 4)[2]


def page_of(folder: Path, report: Report, panels: dict[str, Panels] | None = None) -> Page:
    return Page(write_report(folder, report, panels))


def test_the_figures_are_those_of_the_results(tmp_path: Path, results: Results) -> None:
    page = page_of(tmp_path, Report("A title", "a command", {MASKS: results}))
    mean, total = results["summary"]["mean"], results["summary"]["total"]
    for name, row in [("iou", "IoU"), ("dice", "Dice"), ("mae", "Mean absolute"),
                      ("boundary_iou", "Boundary"), ("s_measure", "S-m"), ("weighted_f", "Wei"),
                      ("adaptive_e", "Adaptive E")]:  # fmt: skip
        one = mean[name]
        together = f"{total[name]:.3f}" if name in total else DASH
        assert page.cells("By photo, and over all pixels", row) == [
            f"{one['value']:.3f}", f"{one['low']:.3f} to {one['high']:.3f}", together
        ]  # fmt: skip
    assert 0.6 < mean["iou"]["value"] < 0.9
    curve = page.cells("Of the curves over 256 thresholds", "Mean F")[0]
    assert curve == f"{results['summary']['curve']['mean_f']:.3f}"
    kinds = page.cells("By share of the photo", "20% and more")
    large = results["slices"]["size"]["20% and more"]
    assert kinds[0] == str(large["photos"])
    assert kinds[1].startswith(f"{large['iou']['value']:.3f} ")
    assert kinds[2] == f"{large['boundary_iou']['value']:.3f}"
    for fact in ("a command", results["data"]["fingerprint"], results["version"], "10000"):
        assert fact in page.words
    assert page.tables["By photo, and over all pixels"][0][0] == "Metric"
    assert "Comparison" not in page.words and "Choice" not in page.words


def test_steps_of_the_pipeline(tmp_path: Path, coffee: Photo) -> None:
    worse = run(tmp_path / "a", coffee, 6)[2]
    better = run(tmp_path / "b", coffee, 2)[2]
    steps = {"raw masks": worse, "+ sharp edge": {**better, "variant": "+ sharp edge"}}
    page = page_of(tmp_path, Report("Steps", masks=steps))
    values = [one["summary"]["mean"]["iou"]["value"] for one in (worse, better)]
    row = page.cells("Each step on top of those above it", "+ sharp edge")
    assert row[0].startswith(f"{values[1]:.3f}")
    assert row[1].startswith(f"+{values[1] - values[0]:.3f}")
    assert page.cells("Each step on top of those above it", "raw masks")[1] == ""
    assert page.cells("By photo, and over all pixels", "IoU")[0] == f"{values[1]:.3f}"


def test_a_comparison_with_a_baseline(tmp_path: Path, coffee: Photo, results: Results) -> None:
    truths, predictor, after = run(tmp_path / "b", coffee, 2)
    report = Report("New", masks={MASKS: after}, baseline=results)
    panels = draw_photos(truths, predictor, MASKS, report.photos_to_draw())
    page = page_of(tmp_path, report, panels)
    iou = compare(results, after)["metrics"]["iou"]
    assert page.cells("Paired differences", "IoU") == [
        f"{iou['first']:.3f}", f"{iou['second']:.3f}", f"{iou['difference']:+.3f}",
        f"{iou['low']:+.3f} to {iou['high']:+.3f}", f"{iou['p']:.2g}", "100.0%", "0.0%"
    ]  # fmt: skip
    assert iou["difference"] > 0.05
    smallest, rows = RADII.index(min(RADII)), (results["photos"], after["photos"])
    words = " → ".join(f"{one[smallest]['iou']:.3f}" for one in rows)
    changed = page.words.index("Photos whose IoU changed most")
    assert page.words[changed:].split()[5] == after["photos"][smallest]["name"]
    assert f"IoU {words}" in page.words
    assert page.tags.count("img") == 2 * 4 * len(RADII)  # changed, and worst to best


def test_results_of_other_photos_cannot_be_compared(tmp_path: Path, results: Results) -> None:
    other = {**results, "photos": [{**row, "name": f"x{row['name']}"} for row in results["photos"]]}
    with pytest.raises(DataError, match="no photo in common"):
        write_report(tmp_path / "out", Report("", masks={MASKS: results}, baseline=other))
    assert not (tmp_path / "out").exists()


def test_other_data_is_pointed_out(tmp_path: Path, results: Results) -> None:
    other = {**results, "data": {**results["data"], "fingerprint": "else"}}
    page = page_of(tmp_path, Report("", masks={MASKS: results}, baseline=other))
    assert "The two differ in data.fingerprint" in page.words


def test_rescaled_masks_are_pointed_out(tmp_path: Path, results: Results) -> None:
    rescaled = {**results, "settings": {**results["settings"], "rescale": True}}
    assert "was stretched" in page_of(tmp_path, Report("", masks={MASKS: rescaled})).words
    assert "was stretched" not in page_of(tmp_path, Report("", masks={MASKS: results})).words


def test_problems_are_listed(tmp_path: Path, results: Results) -> None:
    problems = [{"kind": "not measured", "name": str(n), "reason": ATTACK} for n in range(60)]
    page = page_of(tmp_path, Report("", masks={MASKS: {**results, "problems": problems}}))
    assert page.tables["Problems: 60"][1] == ["not measured", "0", ATTACK]
    assert "And 10 more" in page.words and len(page.tables["Problems: 60"]) == 51


def test_choice_and_detection(tmp_path: Path) -> None:
    shares = {"photos": 7, "exact": 0.875, "member": 0.9, "abstained": 0.1}
    way = {
        "summary": {"clear": shares, "unclear": {"photos": 0}, "no subject": {"photos": 0},
                    "abstention": {"precision": None, "recall": 0.25, "auc": 0.75}},
        "slices": {"size": {"5% to 20%": shares, "under 5%": shares}},
    }  # fmt: skip
    head: dict[str, Any] = {
        "version": "1", "prediction": {}, "problems": [], "seconds": 1.0,
        "data": {"photos": 7, "fingerprint": "f"},
    }  # fmt: skip
    stats = {"bbox": dict.fromkeys(STATS, 0.5), "segm": dict.fromkeys(STATS)}
    choice = {**head, "given": way, "end_to_end": way}
    page = page_of(tmp_path, Report("", choice=choice, detection={**head, "summary": stats}))
    assert page.cells("By what people say", "clear")[:4] == ["7", "0.875", "0.900", "0.100"]
    assert page.cells("By what people say", "unclear")[1] == DASH
    assert (
        f"precision {DASH}, recall 0.250, area under the ROC curve of the score 0.750" in page.words
    )
    kinds = [row[0] for row in page.tables["Clear photos by share of the photo"][1:]]
    assert kinds == ["under 5%", "5% to 20%"]
    table = "COCO's average precision and recall of the detector itself"
    assert page.cells(table, "AP50") == ["0.500", DASH]


def test_hostile_names_do_no_harm(tmp_path: Path, coffee: Photo) -> None:
    truths, predictor, results = run(tmp_path / "set", coffee, 2)
    name = f"{ATTACK}\u202e"
    rows = [{**row, "name": name} for row in results["photos"][:1]]
    slices = {"category": dict.fromkeys((ATTACK, "cat"), results["slices"]["size"]["5% to 20%"])}
    prediction = {"command": f"{ATTACK} {{image}}", "config": f"A: {ATTACK}"}
    hostile = {**results, "photos": rows, "slices": slices, "prediction": prediction}
    panels = draw_photos(truths, predictor, MASKS, {results["photos"][0]["name"]})
    report = Report(ATTACK, ATTACK, {MASKS: hostile})
    page = page_of(tmp_path, report, {name: next(iter(panels.values()))})
    assert page.tags.count("img") == 4 and "script" not in page.tags
    assert page.cells("By category, the 12 commonest", ATTACK)
    assert page.words.count(ATTACK) >= 6 and "\u202e" not in page.text
    assert "onerror" not in re.sub(r"&lt;img src=x onerror=alert\(1\)&gt;", "", page.text)


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path, coffee: Photo) -> None:
    truths, predictor, results = run(tmp_path / "set", coffee, 2)
    report = Report("", masks={MASKS: results})
    panels = draw_photos(truths, predictor, MASKS, report.photos_to_draw())
    page = page_of(tmp_path, report, panels)
    assert "default-src 'none'" in page.text
    assert "//" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.text)
    assert "url(" not in page.text and "@import" not in page.text
    assert {source[:16] for source in page.sources if source[0] != "#"} == {"data:image/jpeg;"}
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)


def test_the_page_stays_small(tmp_path: Path) -> None:
    """Noise is what compresses worst. A page never shows more photos than this one."""
    random, evaluator = np.random.default_rng(0), MaskEvaluator()
    panels = {}
    for number in range(12):
        photo = random.integers(0, 256, (240, 240, 3)).astype(np.uint8)
        truth, alpha = random.random((2, 240, 240), dtype=np.float32)
        prediction = Prediction(alpha, "file")
        evaluator.process(str(number), prediction, truth > 0.5, category=f"class {number}")
        panels[str(number)] = draw(photo, truth > 0.5, alpha)
    head = {"version": "", "variant": MASKS, "problems": [], "seconds": 0.0, "prediction": {},
            "data": {"photos": 12, "fingerprint": ""},
            "settings": {"rescale": False, "threshold": 0.5}}  # fmt: skip
    results = {**head, **evaluator.evaluate()}
    first = {**results, "photos": [{**row, "iou": 0.0} for row in results["photos"]]}
    report = Report("", masks={MASKS: results}, baseline=first)
    path = write_report(tmp_path, report, panels)
    assert Page(path).tags.count("img") == 18 * 4
    assert path.stat().st_size < 3_000_000


def test_a_photo_without_pictures_says_why(tmp_path: Path, coffee: Photo) -> None:
    truths, predictor, results = run(tmp_path / "set", coffee, 2)
    predictor.paths["0"].unlink()
    panels = draw_photos(truths, predictor, MASKS, {"0", "1"})
    page = page_of(tmp_path, Report("", masks={MASKS: results}), panels)
    assert page.tags.count("img") == 4
    assert "No pictures: " in page.words and "No such file" in page.words


def test_the_pictures_of_a_photo() -> None:
    photo = np.full((100, 400, 3), 200, dtype=np.uint8)
    truth = np.zeros((100, 400), dtype=np.bool_)
    truth[:, :200] = True
    panels = draw(photo, truth, (~truth).astype(np.float32))
    pictures = [decoded(uri) for uri in panels[:4]]
    assert {picture.shape[:2] for picture in pictures} == {(60, 240)}
    shown, true, cutout, errors = pictures
    assert abs(shown.astype(int) - 200).max() < 5
    assert true[:, :110].min() > 250 and true[:, 130:].max() < 5
    assert cutout[:, :110].max() < 5 and cutout[:, 130:].min() > 190
    assert errors[30, 50, 2] > 200 > errors[30, 50, 0]  # blue: missing
    assert errors[30, 200, 0] > 200 > errors[30, 200, 2]  # orange: too much


def decoded(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_errors_by_hand() -> None:
    photo = np.full((1, 4, 3), 100, dtype=np.uint8)
    truth, predicted = np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 1, 0]], bool)
    assert error_map(photo, truth, predicted).tolist() == [
        [[100, 100, 100], [40, 120, 255], [230, 110, 0], [35, 35, 35]]
    ]


def rows_of(*ious: float) -> list[dict[str, Any]]:
    return [{"name": str(number), "iou": iou} for number, iou in enumerate(ious)]


def test_the_photos_worth_a_look() -> None:
    found = worth_a_look(rows_of(*np.linspace(0, 1, 21)))
    assert [row["name"] for row in found["Worst"]] == ["0", "1", "2", "3"]
    assert [row["name"] for row in found["Around the median"]] == ["8", "9", "10", "11"]
    assert [row["name"] for row in found["Best"]] == ["20", "19", "18", "17"]


@pytest.mark.parametrize("count", [1, 3, 4, 6, 9, 13])
def test_no_photo_is_shown_twice(count: int) -> None:
    found = worth_a_look(rows_of(*np.linspace(0, 1, count)))
    names = [row["name"] for rows in found.values() for row in rows]
    assert len(set(names)) == len(names) == min(count, 12)


def test_the_histogram_counts_every_photo_once() -> None:
    counts = histogram(rows_of(0.0, 0.049, 0.05, 0.999, 1.0))
    assert counts["0.00 to 0.05"] == 2 and counts["0.05 to 0.10"] == 1
    assert counts["0.95 to 1.00"] == 2 and sum(counts.values()) == 5


def test_kinds_come_in_the_order_of_their_numbers() -> None:
    one = {"photos": 1}
    sizes = dict.fromkeys(["20% and more", "5% to 20%", "none", "under 5%"], one)
    classes = {str(number): {"photos": number} for number in range(30)}
    found = in_order({"size": sizes, "category": classes, "pieces": {"1": one}})
    assert list(found["size"]) == ["under 5%", "5% to 20%", "20% and more", "none"]
    assert list(found["category"])[:2] == ["29", "28"] and len(found["category"]) == 12
    assert "pieces" not in found
