"""What each step of the refinement gains, and what it costs.

    python benchmarks/refinement.py folders IMAGES MASKS
    python benchmarks/refinement.py choices JSON IMAGES LABELS
    python benchmarks/refinement.py time PHOTO

The first takes black-and-white masks of the photos' names, the second COCO json and the labels of
what people call the subject (``vx_detectron.evaluation.choice_labels``), of which it takes the
clear ones. Every row adds a step to the row above. The network runs once a photo; the
milliseconds are those of the refinement alone.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import decode_mask, read_coco
from vx_detectron.data.subjects import subject_mask as true_mask
from vx_detectron.evaluation.choice_labels import CLEAR, read_choice_labels
from vx_detectron.evaluation.truths import truths_from_folders
from vx_detectron.image_io import read_photo
from vx_detectron.metrics import boundary_iou, count
from vx_detectron.pipeline import Isolator, OpenPhoto, subject_mask
from vx_detectron.refine import RefineOptions, refine

BoolArray = NDArray[np.bool_]
WORSE = 0.01  # IoU
RAW = RefineOptions(fuse_saliency=False, dense_crf=False, morphology=False, sharp_edge=False)
DEFAULT = "+ sharp edge"


def rows() -> dict[str, RefineOptions]:
    """The rows of the table in order; each has the steps of those above."""
    found = {"raw mask": RAW}
    for name, step in (
        ("+ fusion", "fuse_saliency"),
        ("+ morphology", "morphology"),
        ("+ CRF", "dense_crf"),
        (DEFAULT, "sharp_edge"),
        ("+ matting", "matting"),
    ):
        found[name] = replace([*found.values()][-1], **{step: True})
    return found


def measure(opened: OpenPhoto, truth: BoolArray) -> list[tuple[float, float, float]]:
    """IoU, Boundary IoU and seconds of every row on one photo."""
    subject = opened.select()
    if not subject:
        return [(0.0, 0.0, 0.0)] * len(rows())
    mask, cell = subject_mask(opened.instances, subject)
    found = []
    for options in rows().values():
        started = perf_counter()
        alpha, _ = refine(
            opened.image, mask, cell=cell, saliency=opened.instances.saliency, options=options
        )
        seconds = perf_counter() - started
        hard = alpha >= 0.5
        found.append((count(hard, truth).iou, boundary_iou(hard, truth), seconds))
    return found


def print_table(photos: Iterable[tuple[Path, BoolArray]], isolator: Isolator) -> None:
    """Measure all the photos and print a line for each row."""
    figures = np.array(
        [measure(isolator.open(read_photo(photo).pixels), truth) for photo, truth in photos]
    )
    print(f"{len(figures)} photos; better and worse: by more than {WORSE} IoU than the raw mask")
    print(f"{'':16}{'IoU':>8}{'B-IoU':>8}{'better':>8}{'worse':>8}{'ms':>8}")
    for place, name in enumerate(rows()):
        iou, boundary, seconds = figures[:, place].T
        gain = iou - figures[:, 0, 0]
        print(
            f"{name:16}{iou.mean():8.4f}{boundary.mean():8.4f}{(gain > WORSE).mean():8.1%}"
            f"{(gain < -WORSE).mean():8.1%}{1000 * float(np.median(seconds)):8.1f}"
        )


def from_folders(images: Path, masks: Path) -> Iterator[tuple[Path, BoolArray]]:
    """Photos and their true masks."""
    for record in tqdm(truths_from_folders(images, masks).records, disable=None):
        yield Path(record["file_name"]), true_mask(record) > 0


def from_choices(json_file: Path, images: Path, labels: Path) -> Iterator[tuple[Path, BoolArray]]:
    """Clear photos and the mask of the agreed answer."""
    records = {record["image_id"]: record for record in read_coco(json_file, images).records}
    for label in tqdm(read_choice_labels(labels), disable=None):
        if label.kind == CLEAR and label.image_id in records:
            record = records[label.image_id]
            truth = np.zeros((record["height"], record["width"]), dtype=np.bool_)
            for one in record["annotations"]:
                if one["id"] in label.subject:
                    truth |= decode_mask(one["segmentation"], *truth.shape) > 0
            yield Path(record["file_name"]), truth


class Paths(click.Path):
    """An existing file or folder, as a Path."""

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)


@click.group()
@click.option("--config-file", default=None)
@click.option("--opt", nargs=2, multiple=True, metavar="KEY VALUE")
@click.pass_context
def main(context: click.Context, config_file: str | None, opt: tuple[tuple[str, str], ...]) -> None:
    """What each step of the refinement gains, and what it costs."""
    context.obj = Isolator(load_cfg(config_file, [part for pair in opt for part in pair]))


@main.command()
@click.argument("images", type=Paths())
@click.argument("masks", type=Paths())
@click.pass_obj
def folders(isolator: Isolator, images: Path, masks: Path) -> None:
    """Photos in IMAGES, and black-and-white masks of their names in MASKS."""
    print_table(from_folders(images, masks), isolator)


@main.command()
@click.argument("json_file", type=Paths())
@click.argument("images", type=Paths())
@click.argument("labels", type=Paths())
@click.pass_obj
def choices(isolator: Isolator, json_file: Path, images: Path, labels: Path) -> None:
    """Photos of a COCO JSON_FILE below IMAGES, and the LABELS of what people call the subject."""
    print_table(from_choices(json_file, images, labels), isolator)


@main.command()
@click.argument("photo", type=Paths())
@click.pass_obj
def time(isolator: Isolator, photo: Path) -> None:
    """The network and the refinement of one PHOTO, and the peak of the process's memory."""
    pixels = read_photo(photo).pixels
    runs = [isolator.isolate(pixels).provenance.seconds for _ in range(6)][1:]  # one to warm up
    seconds = {stage: median(run[stage] for run in runs) for stage in ("network", "refinement")}
    print(f"{pixels.shape[1]} x {pixels.shape[0]}, median of {len(runs)}")
    for stage, value in seconds.items():
        print(f"{stage:12}{value:8.3f} s{value / seconds['network']:8.2f}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    print(f"peak        {peak:8.0f} MiB, Python and the network included")


if __name__ == "__main__":
    main()
