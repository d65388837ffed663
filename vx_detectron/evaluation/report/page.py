"""Fill in the page and write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vx_detectron import __version__
from vx_detectron.data.page import render
from vx_detectron.evaluation.choice_run import WAYS
from vx_detectron.evaluation.compare import compare
from vx_detectron.evaluation.detection import STATS
from vx_detectron.evaluation.evaluator import LOWER_IS_BETTER
from vx_detectron.evaluation.report import figures
from vx_detectron.evaluation.report.pictures import Panels
from vx_detectron.evaluation.results import Results
from vx_detectron.files import write_text

PAGE = "report.html"

_TEMPLATE = Path(__file__).with_name("page.html.jinja")
_LISTED = 50  # problems; results.json has them all
_CHANGED = 6  # photos of a comparison


@dataclass(frozen=True)
class Report:
    """The contents of a page. What is missing is left out.

    Attributes:
        title: of the page.
        command: that made the results; may be empty.
        masks: results of ``evaluate_masks``, by variant.
        choice: results of ``evaluate_choice``.
        detection: results of ``evaluate_detection``.
        baseline: results of masks to compare with.
    """

    title: str
    command: str = ""
    masks: Mapping[str, Results] = field(default_factory=dict)
    choice: Results | None = None
    detection: Results | None = None
    baseline: Results | None = None

    @property
    def shown(self) -> Results | None:
        """The results of masks that the page is about."""
        return self.masks[figures.shown_variant(self.masks)] if self.masks else None

    @cached_property
    def comparison(self) -> dict[str, Any] | None:
        """What changed from the baseline, see ``compare``."""
        if self.baseline is None or self.shown is None:
            return None
        return compare(self.baseline, self.shown, _CHANGED)

    def photos_to_draw(self) -> set[str]:
        """The names of the photos that the page is to show."""
        if self.shown is None:
            return set()
        looked_at = figures.worth_a_look(self.shown["photos"])
        names = {row["name"] for rows in looked_at.values() for row in rows}
        return names | {row["name"] for row in (self.comparison or {}).get("changed", ())}


def write_report(folder: Path, report: Report, panels: Mapping[str, Panels] | None = None) -> Path:
    """Write ``report.html`` into a folder, completely or not at all.

    Args:
        folder: where to write; it is created if needed.
        report: the results.
        panels: pictures by the names of their photos, see ``photos_to_draw``.

    Returns:
        The path of the page.

    Raises:
        DataError: it cannot be written, or the baseline has no photo in common.
    """
    shown, page = report.shown, folder / PAGE
    text = render(
        _TEMPLATE,
        title=report.title,
        report=report,
        masks=_masks(shown, report.baseline) if shown else None,
        variants=figures.ablation(report.masks) if len(report.masks) > 1 else {},
        comparison=report.comparison,
        choice_slices=_choice_slices(report.choice) if report.choice else {},
        most_classes=figures.MOST_CLASSES,
        stats=STATS,
        lower_is_better=LOWER_IS_BETTER,
        panels=panels or {},
        runs=_runs(report),
        listed=_LISTED,
        version=__version__,
    )
    write_text(page, text + "\n")
    return page


def _masks(shown: Results, baseline: Results | None) -> dict[str, Any]:
    """The results of masks, and charts of them."""
    pair = {"this": shown} | ({"baseline": baseline} if baseline else {})
    return {
        **shown,
        "looked_at": figures.worth_a_look(shown["photos"]),
        "histogram": figures.histogram(shown["photos"]),
        "precision_recall": {
            name: figures.precision_recall(results) for name, results in pair.items()
        },
        "threshold_curves": figures.threshold_curves(shown),
        "slices": figures.in_order(shown["slices"]),
    }


def _choice_slices(choice: Results) -> dict[str, dict[str, Any]]:
    """The slices of each way of asking, in the order that the page has them."""
    return {way: figures.in_order(choice[way]["slices"]) for way in WAYS}


def _runs(report: Report) -> dict[str, Results]:
    """What ran, under the words that the page has for it."""
    named = {
        "masks": report.shown,
        "baseline": report.baseline,
        "subject choice": report.choice,
        "detection": report.detection,
    }
    return {name: results for name, results in named.items() if results is not None}
