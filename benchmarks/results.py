"""Measure the bundled model and simple baselines, and write ``docs/results.md``.

``python benchmarks/results.py --set NAME IMAGES MASKS --choice LABELS ANNOTATIONS PHOTOS``, from a
checkout with the package installed; ``--set`` may be repeated. A photo of 400 x 300 pixels takes
about 1.3 s on one core without a GPU, so five hundred take eleven minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from baselines import Baseline, grabcut_box, largest_instance, spectral_residual
from results_page import page
from tqdm import tqdm

from vx_detectron.config import load_cfg
from vx_detectron.data.categories import DatasetDict
from vx_detectron.errors import VxError
from vx_detectron.evaluation.choice_run import evaluate_choice
from vx_detectron.evaluation.mask_run import evaluate_masks
from vx_detectron.evaluation.predictors import REFINEMENTS, PipelinePredictor, Prediction
from vx_detectron.evaluation.results import Results
from vx_detectron.evaluation.truths import read_annotated, truths_from_folders
from vx_detectron.files import write_text
from vx_detectron.metrics import stretch
from vx_detectron.pipeline import Isolator

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class SideBySide:
    """A ``Predictor`` of the pipeline, step by step, and of baselines, a variant each.

    The whole pipeline and the baselines are there once more with their masks stretched to 0..1, as
    published figures of the salient-object literature have it.
    """

    def __init__(self, isolator: Isolator, baselines: dict[str, Baseline]) -> None:
        self.pipeline, self.baselines = PipelinePredictor(isolator, ablation=True), baselines
        self.compared = (list(REFINEMENTS)[-1], *baselines)
        self.names = (*self.pipeline.names, *baselines, *map(stretched, self.compared))
        self.provenance: dict[str, Any] = self.pipeline.provenance
        self.extra: Sequence[str] = ()

    def predict(self, record: DatasetDict, name: str) -> dict[str, Prediction]:
        """See ``Predictor``."""
        made, photo = self.pipeline.predict(record, name), read_annotated(record)
        for title, cut in self.baselines.items():
            made[title] = Prediction(cut(photo), title)
        for title in self.compared:
            made[stretched(title)] = replace(made[title], alpha=stretch(made[title].alpha))
        return made


def stretched(title: str) -> str:
    """What the variant with stretched masks is called."""
    return f"{title}, stretched"


def measure(isolator: Isolator, images: Path, masks: Path, every: int) -> dict[str, Results]:
    """The results of all variants on one set of photos."""
    baselines = {
        "GrabCut from a centred box": grabcut_box,
        "spectral residual": spectral_residual,
        "largest instance": largest_instance(isolator),
    }
    truths = truths_from_folders(images, masks)
    with tqdm(total=len(truths.records[::every]), disable=None) as progress:
        return evaluate_masks(
            truths, SideBySide(isolator, baselines), every=every, progress=progress.update
        )


@click.command()
@click.option("--set", "sets", type=(str, FOLDER, FOLDER), multiple=True, required=True,
              metavar="NAME IMAGES MASKS", help="Photos with true masks.")  # fmt: skip
@click.option("--choice", type=(FILE, FILE, FOLDER), metavar="LABELS ANNOTATIONS PHOTOS",
              help="Photos with labels of subject choice.")  # fmt: skip
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Take every N-th photo of the sets only, to try it.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
              default=Path(__file__).parents[1] / "docs" / "results.md", metavar="FILE",
              help="[default: docs/results.md]")  # fmt: skip
def main(
    sets: tuple[tuple[str, Path, Path], ...],
    choice: tuple[Path, Path, Path] | None,
    every: int,
    output: Path,
) -> None:
    """Measure the bundled model and simple baselines, and write the page."""
    try:
        isolator = Isolator(load_cfg(None, ["VX.ENGINE", "torchvision", "MODEL.DEVICE", "cpu"]))
        measured = {name: measure(isolator, *folders, every) for name, *folders in sets}
        chosen = evaluate_choice(isolator, *choice) if choice else None
        write_text(output, page(measured, chosen))
    except VxError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
