"""The page that ``evaluate`` writes beside its results."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from vx_detectron.evaluation.predictors import Predictor
from vx_detectron.evaluation.report import Report, draw_photos, write_report
from vx_detectron.evaluation.truths import Truths


def write_page(
    folder: Path | None,
    title: str,
    source: tuple[Truths, Predictor] | None = None,
    **results: Any,
) -> None:
    """Write ``report.html`` into a folder, if one is given.

    Args:
        folder: where to.
        title: of the page.
        source: the photos and what predicts their masks, for pictures; without it there are none.
        results: see ``Report``.
    """
    if folder is None:
        return
    command = f"{click.get_current_context().find_root().info_name} {shlex.join(sys.argv[1:])}"
    report = Report(title, command, **results)
    panels = {}
    if source is not None and report.shown is not None:
        panels = draw_photos(*source, report.shown["variant"], report.photos_to_draw())
    write_report(folder, report, panels)
