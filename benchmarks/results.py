"""Measure the bundled model, guests and simple baselines, and write ``docs/results.md``.

``python benchmarks/results.py --set NAME IMAGES MASKS --choice LABELS ANNOTATIONS PHOTOS``, from a
checkout with the package installed; ``--set``, ``--none``, ``--guest`` and ``--clicks`` may be
repeated. ``--clicks`` takes what ``vx evaluate clicks -o FOLDER`` has written. Try it
with ``--every 50`` first: it looks at every photo several times, and a guest can take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from baselines import Baseline, grabcut_box, largest_instance, spectral_residual
from guest_rows import GuestRows
from results_page import page, stretched
from tqdm import tqdm

from vx_detectron.config import load_cfg
from vx_detectron.data.categories import DatasetDict
from vx_detectron.errors import VxError
from vx_detectron.evaluation.choice_run import evaluate_choice, read_choice_data
from vx_detectron.evaluation.click_run import SCHEMA
from vx_detectron.evaluation.mask_run import evaluate_masks
from vx_detectron.evaluation.predictors import REFINEMENTS, PipelinePredictor, Prediction
from vx_detectron.evaluation.results import Results, read_results
from vx_detectron.evaluation.truths import (
    Truths,
    fingerprint,
    pictures,
    read_annotated,
    truths_from_folders,
)
from vx_detectron.files import write_text
from vx_detectron.metrics import stretch
from vx_detectron.pipeline import Isolator

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class SideBySide:
    """A ``Predictor`` of the pipeline, step by step, of guests and of baselines, a variant each.

    The whole pipeline, the guests' maps and the baselines are there once more with their masks
    stretched to 0..1, as published figures of the salient-object literature have it.
    """

    def __init__(
        self, isolator: Isolator, baselines: dict[str, Baseline], guests: Sequence[GuestRows] = ()
    ) -> None:
        self.pipeline, self.baselines = PipelinePredictor(isolator, ablation=True), baselines
        self.guests = guests
        maps = [guest.alone for guest in guests]
        self.compared = (list(REFINEMENTS)[-1], *maps, *baselines)
        self.names = (
            *self.pipeline.names,
            *(name for guest in guests for name in guest.names),
            *baselines,
            *map(stretched, self.compared),
        )
        self.provenance: dict[str, Any] = {
            **self.pipeline.provenance,
            "guests": [guest.facts for guest in guests],
            "baselines": list(baselines),
        }
        self.extra: Sequence[str] = ()

    def predict(self, record: DatasetDict, name: str) -> dict[str, Prediction]:
        """See ``Predictor``."""
        made, photo = self.pipeline.predict(record, name), read_annotated(record)
        for guest in self.guests:
            made |= guest.predict(photo)
        for title, cut in self.baselines.items():
            started = perf_counter()
            alpha = cut(photo)
            made[title] = Prediction(alpha, title, {"all": perf_counter() - started})
        for title in self.compared:
            made[stretched(title)] = replace(made[title], alpha=stretch(made[title].alpha))
        return made


def measure(
    isolator: Isolator, guests: Sequence[GuestRows], truths: Truths, every: int
) -> dict[str, Results]:
    """The results of all variants on one set of photos."""
    baselines = {
        "GrabCut from a centred box": grabcut_box,
        "spectral residual": spectral_residual,
        "largest instance": largest_instance(isolator),
    }
    with tqdm(total=len(truths.records[::every]), disable=None) as progress:
        return evaluate_masks(
            truths, SideBySide(isolator, baselines, guests), every=every, progress=progress.update
        )


def count_none(isolator: Isolator, folder: Path, every: int) -> Results:
    """Of photos without a subject, in how many the pipeline says so."""
    paths = [path for _, path in pictures(folder)][::every]
    if not paths:
        raise click.UsageError(f"there is no picture in {folder}")
    said = [not isolator.open(path).select() for path in tqdm(paths, disable=None)]
    return {
        "photos": len(said),
        "none": sum(said),
        "fingerprint": fingerprint([(folder, paths)]),
    }


def read_guests(isolator: Isolator, words: Sequence[str]) -> list[GuestRows]:
    """The guests that ``--guest`` names: NAME, one of the table's, or NAME=FILE."""
    made = []
    for word in words:
        name, _, file = word.partition("=")
        if not name or (file and not Path(file).is_file()):
            raise click.UsageError(f"--guest must be NAME or NAME=FILE of an ONNX file; got {word}")
        made.append(GuestRows(isolator, name, file or name))
    return made


def read_clicks(folders: Sequence[tuple[str, Path]]) -> dict[str, list[Results]]:
    """The results of each name, in the order of the command line."""
    found: dict[str, list[Results]] = {}
    for name, folder in folders:
        found.setdefault(name, []).append(read_results(folder / "results.json", SCHEMA))
    return found


@click.command()
@click.option("--set", "sets", type=(str, FOLDER, FOLDER), multiple=True, required=True,
              metavar="NAME IMAGES MASKS", help="Photos with true masks.")  # fmt: skip
@click.option("--choice", type=(FILE, FILE, FOLDER), metavar="LABELS ANNOTATIONS PHOTOS",
              help="Photos with labels of subject choice.")  # fmt: skip
@click.option("--none", "nones", type=(str, FOLDER), multiple=True, metavar="NAME IMAGES",
              help="Photos without a subject.")  # fmt: skip
@click.option("--guest", "guests", multiple=True, metavar="NAME[=FILE]", help="Another project's "
              "network, measured alone and as our eye; see vx info.")  # fmt: skip
@click.option("--clicks", "clicked", type=(str, FOLDER), multiple=True, metavar="NAME FOLDER",
              help="What `vx evaluate clicks -o FOLDER` wrote; NAME of what was clicked. Those "
              "of one NAME are shown together.")  # fmt: skip
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Take every N-th photo of the folders only.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
              default=Path(__file__).parents[1] / "docs" / "results.md", metavar="FILE",
              help="[default: docs/results.md]")  # fmt: skip
def main(
    sets: tuple[tuple[str, Path, Path], ...],
    choice: tuple[Path, Path, Path] | None,
    nones: tuple[tuple[str, Path], ...],
    guests: tuple[str, ...],
    clicked: tuple[tuple[str, Path], ...],
    every: int,
    output: Path,
) -> None:
    """Measure the bundled model, guests and simple baselines, and write the page."""
    try:
        truths = {name: truths_from_folders(*folders) for name, *folders in sets}
        labelled = read_choice_data(*choice) if choice else None
        clicks = read_clicks(clicked)
        isolator = Isolator(load_cfg(None, ["MODEL.DEVICE", "cpu"]))
        rows = read_guests(isolator, guests)
        measured = {name: measure(isolator, rows, one, every) for name, one in truths.items()}
        silent = {name: count_none(isolator, folder, every) for name, folder in nones}
        chosen = evaluate_choice(isolator, labelled) if labelled else None
        write_text(output, page(measured, chosen, silent, clicks))
    except VxError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
