"""What each command of ``evaluate`` does: measure, print, write, and find the exit code."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from vx_detectron.cli.common import OK, PARTLY, UNDER, joined, network_overrides, result, say
from vx_detectron.cli.evaluate import report
from vx_detectron.cli.evaluate.page import write_page
from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.engines import Detector, build_detector
from vx_detectron.errors import ConfigError
from vx_detectron.evaluation.choice_run import ChoiceData, evaluate_choice, read_choice_data
from vx_detectron.evaluation.command import CommandPredictor
from vx_detectron.evaluation.compare import compare as compare_results
from vx_detectron.evaluation.detection import evaluate_detection, read_detection_data
from vx_detectron.evaluation.mask_run import SCHEMA, evaluate_masks
from vx_detectron.evaluation.predictors import FolderPredictor, PipelinePredictor, Predictor
from vx_detectron.evaluation.results import Results, read_results, write_results
from vx_detectron.evaluation.truths import Truths
from vx_detectron.pipeline import Isolator


def masks(read: Callable[[], Truths], options: dict[str, Any]) -> int:
    """Measure masks against the truths that ``read`` gives."""
    _expect_one_way(options)
    floors = floors_of(options["fail_under"], report.MASK_FIGURES)
    baseline = read_results(options["against"], SCHEMA) if options["against"] else None
    truths = read()
    labelled = read_choice_data(*options["choice"]) if options["choice"] else None
    predictor = _predictor(truths, options)
    chosen = _choice_too(predictor, labelled, options)
    with report.Progress(len(truths.records[:: options["every"]])) as progress:
        results = evaluate_masks(
            truths,
            predictor,
            rescale=options["rescale"],
            every=options["every"],
            progress=progress,
        )
    report.print_masks(results)
    figures = report.mask_figures(next(iter(results.values())))
    code = _finish(results, figures, floors, options)
    write_page(
        options["output"],
        f"Masks of {truths.image_root}",
        source=(truths, predictor),
        masks=results,
        baseline=baseline,
        choice=chosen,
    )
    return PARTLY if not code and chosen and chosen["problems"] else code


def choice(labels: Path, annotations: Path, images: Path, options: dict[str, Any]) -> int:
    """Measure the choice of the subject."""
    floors = floors_of(options["fail_under"], report.CHOICE_FIGURES)
    data = read_choice_data(labels, annotations, images)
    results = _choice(isolator_of(options), data)
    code = _finish({"": results}, report.choice_figures(results), floors, options)
    write_page(options["output"], f"Choice of the subject in {images}", choice=results)
    return code


def detection(annotations: Path, images: Path, options: dict[str, Any]) -> int:
    """Measure the detector itself."""
    floors = floors_of(options["fail_under"], report.DETECTION_FIGURES)
    data = read_detection_data(annotations, images)
    detector = _detector(options)
    with report.Progress() as progress:
        results = evaluate_detection(detector, data, every=options["every"], progress=progress)
    report.print_detection(results)
    code = _finish({"": results}, report.detection_figures(results), floors, options)
    write_page(options["output"], f"Detection in {images}", detection=results)
    return code


def compare(first: Path, second: Path, options: dict[str, Any]) -> int:
    """Compare two results of masks."""
    before, after = read_results(first, SCHEMA), read_results(second, SCHEMA)
    comparison = compare_results(before, after, options["changed"])
    report.warn_unlike(comparison)
    if options["as_json"]:
        result(json.dumps(comparison))
    else:
        report.print_comparison(comparison)
    title, runs = f"{second} against {first}", {after["variant"]: after}
    write_page(options["output"], title, masks=runs, baseline=before)
    return PARTLY if comparison["only_first"] or comparison["only_second"] else OK


def _choice_too(
    predictor: Predictor, data: ChoiceData | None, options: dict[str, Any]
) -> Results | None:
    """What ``--choice`` asks for, by the network that made the masks."""
    if data is None or not isinstance(predictor, PipelinePredictor):
        return None
    results = _choice(predictor.isolator, data)
    report.print_problems(results["problems"])
    write_results(options["output"] / "choice", results)
    return results


def _choice(isolator: Isolator, data: ChoiceData) -> Results:
    with report.Progress(len(data.labels)) as progress:
        results = evaluate_choice(isolator, data, progress)
    report.print_choice(results)
    return results


def _expect_one_way(options: dict[str, Any]) -> None:
    """Refuse options that contradict one another or would have no effect."""
    other = [f"--{name}" for name in ("predictions", "command") if options[name] is not None]
    if len(other) > 1:
        raise click.UsageError("choose --predictions or --command, not both.")
    network = ("config_file", "weights", "engine", "eye", "device", "opt", "ablation", "choice")
    idle = [f"--{name.replace('_', '-')}" for name in network if options[name]]
    if other and idle:
        raise click.UsageError(f"{other[0]} runs no network; leave out {', '.join(idle)}.")
    if options["ablation"] and options["fail_under"]:
        raise click.UsageError("--ablation has several results; leave --fail-under out.")
    unseen = [f"--{name}" for name in ("against", "choice") if options[name]]
    if unseen and options["output"] is None:
        raise click.UsageError(
            f"{unseen[0]} is shown on the page; --output says where to write it."
        )


def _predictor(truths: Truths, options: dict[str, Any]) -> Predictor:
    if options["predictions"] is not None:
        return FolderPredictor(options["predictions"], map(truths.name, truths.records))
    if options["command"] is not None:
        return CommandPredictor(options["command"], options["time_limit"])
    return PipelinePredictor(isolator_of(options), options["ablation"])


def isolator_of(options: dict[str, Any]) -> Isolator:
    """The networks that the options ask for."""
    return Isolator(_cfg(options))


def _detector(options: dict[str, Any]) -> Detector:
    return build_detector(_cfg(options))


def _cfg(options: dict[str, Any]) -> CfgNode:
    pairs = [*network_overrides(options), *joined(options["opt"])]
    try:
        return load_cfg(options["config_file"], pairs)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


def floors_of(texts: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """Figure to least value, from FIGURE=VALUE."""
    floors = {}
    for text in texts:
        figure, _, value = text.partition("=")
        if figure not in known:
            raise click.UsageError(
                f"--fail-under {text!r}: expected FIGURE=VALUE with one of {', '.join(known)}."
            )
        try:
            floors[figure] = float(value)
            if not math.isfinite(floors[figure]):
                raise ValueError
        except ValueError:
            raise click.UsageError(
                f"--fail-under {text!r}: expected a finite number, got {value!r}."
            ) from None
    return floors


def _finish(
    results: dict[str, Results],
    figures: dict[str, float | None],
    floors: dict[str, float],
    options: dict[str, Any],
) -> int:
    """Write the results, name the problems, and find the exit code."""
    for variant, one in results.items():
        if options["output"] is not None:
            folder = options["output"]
            write_results(folder / report.slug(variant) if len(results) > 1 else folder, one)
    problems = next(iter(results.values()))["problems"]
    report.print_problems(problems)
    under = [
        f"{name} is {figures[name]}, under {least}"
        for name, least in floors.items()
        if not (figures[name] or 0.0) >= least
    ]
    for line in under:
        say(line)
    return UNDER if under else PARTLY if problems else OK
