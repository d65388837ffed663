"""What ``evaluate clicks`` does: simulate, print, write, and find the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vx_detectron.cli.common import OK, PARTLY, UNDER, result, say
from vx_detectron.cli.evaluate import report
from vx_detectron.cli.evaluate.runs import floors_of, isolator_of
from vx_detectron.evaluation.click_run import (
    AFTER,
    PipelineClicks,
    SegmenterClicks,
    evaluate_clicks,
    subjects_of,
    things_of,
)
from vx_detectron.evaluation.plain_grabcut import NAME, PlainGrabCut
from vx_detectron.evaluation.results import write_results

_FIGURES = tuple(f"iou_{count}" for count in AFTER)


def clicks(images: Path, masks: Path | None, options: dict[str, Any]) -> int:
    """Measure how many clicks the masks need."""
    if (masks is None) == (options["coco"] is None):
        raise click.UsageError("pass the true masks in one way: a folder MASKS, or --coco FILE.")
    if masks is not None and options["split"]:
        raise click.UsageError("--split is for --coco.")
    plain = options["segmenter"] == NAME
    if plain and options["start"] == "cut":
        raise click.UsageError(f"{NAME} runs no network, so it has no cut; use --from nothing.")
    floors = floors_of(options["fail_under"], _FIGURES)
    if masks is not None:
        targets = subjects_of(images, masks)
    else:
        targets = things_of(images, options["coco"], options["smallest"], options["split"])
    player: PipelineClicks | SegmenterClicks
    if plain:
        player = SegmenterClicks(PlainGrabCut())
    else:
        pairs = (*options["opt"], ("VX.HINTS.SEGMENTER", options["segmenter"]))
        player = PipelineClicks(isolator_of({**options, "opt": pairs}), options["start"])
    every = options["every"]
    with report.Progress(len(targets.all[::every])) as progress:
        results = evaluate_clicks(
            targets, player, start=options["start"], every=every, progress=progress
        )
    result(f"{results['prediction']['segmenter']}, from {options['start']}")
    report.print_figures(results["summary"])
    if options["output"] is not None:
        write_results(options["output"], results)
    report.print_problems(results["problems"])
    under = [name for name, least in floors.items() if not results["summary"][name] >= least]
    for name in under:
        say(f"{name} is {results['summary'][name]}, under {floors[name]}")
    return UNDER if under else PARTLY if results["problems"] else OK
