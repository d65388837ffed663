"""What each step of the refinement gains, and what it costs.

    python benchmarks/refinement.py folders IMAGES MASKS choices JSON IMAGES LABELS time PHOTO

or one or two of the three. The first takes black-and-white masks of the photos' names, the second
COCO json and the labels of what people call the subject
(``vx_detectron.evaluation.choice_labels``), of which it takes the clear ones. A row with + adds a
step to the row above, and the last of them is the default; one with "and" adds a step to that. The
network runs once a photo; the milliseconds are the processor's, for the refinement alone. The third
sets the refinement, and a second choice, beside the network.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import click
import cv2
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
from vx_detectron.pipeline import Isolator, OpenPhoto
from vx_detectron.refine import RefineOptions
from vx_detectron.subject import Choice

BoolArray = NDArray[np.bool_]
WORSE = 0.01  # IoU
RAW = RefineOptions(fuse_saliency=False, dense_crf=False, morphology=False, sharp_edge=False)
DEFAULT = RefineOptions()
ROWS = {
    "raw mask": RAW,
    "+ fusion": replace(RAW, fuse_saliency=True),
    "+ CRF": replace(RAW, fuse_saliency=True, dense_crf=True),
    "+ morphology": replace(DEFAULT, sharp_edge=False),
    "+ sharp edge": DEFAULT,
    "and matting": replace(DEFAULT, matting=True),
}


def measure(opened: OpenPhoto, truth: BoolArray) -> list[tuple[float, float, float, int]]:
    """IoU, Boundary IoU, the processor's seconds and surplus parts of every row on one photo."""
    subject = opened.select()
    if not subject:
        return [(0.0, 0.0, 0.0, 0)] * len(ROWS)
    found = []
    for options in ROWS.values():
        started = process_time()
        alpha, _ = opened.alpha(subject.chosen, options, subject=subject)
        seconds = process_time() - started
        hard = alpha >= 0.5
        surplus = max(parts(hard) - parts(truth), 0)
        found.append((count(hard, truth).iou, boundary_iou(hard, truth), seconds, surplus))
    return found


def parts(mask: BoolArray) -> int:
    """How many connected parts a mask has."""
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1


def print_table(photos: Iterable[tuple[Path, BoolArray]], isolator: Isolator) -> None:
    """Measure all the photos and print a line for each row."""
    figures = np.array(
        [measure(isolator.open(read_photo(photo).pixels), truth) for photo, truth in photos]
    )
    print(f"{len(figures)} photos; better and worse: by more than {WORSE} IoU than the raw mask;")
    print("parts: how many more than the truth has, in the mean")
    print(f"{'':16}{'IoU':>8}{'B-IoU':>8}{'better':>8}{'worse':>8}{'parts':>8}{'CPU ms':>8}")
    for place, name in enumerate(ROWS):
        iou, boundary, seconds, surplus = figures[:, place].T
        gain = iou - figures[:, 0, 0]
        print(
            f"{name:16}{iou.mean():8.4f}{boundary.mean():8.4f}{(gain > WORSE).mean():8.1%}"
            f"{(gain < -WORSE).mean():8.1%}{surplus.mean():8.2f}{1000 * np.median(seconds):8.1f}"
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


@click.group(chain=True)
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
    """The stages of one PHOTO, a second choice in it, and the peak of the process's memory."""
    pixels = read_photo(photo).pixels
    runs = [answer_twice(isolator, pixels) for _ in range(6)][1:]  # one to warm up
    print(f"{pixels.shape[1]} x {pixels.shape[0]}, median of {len(runs)}")
    print(f"{'':16}{'ms':>10}{'CPU ms':>10}{'of the networks':>18}")
    for stage in runs[0]:
        wall, cpu = (1000 * median(run[stage][clock] for run in runs) for clock in (0, 1))
        share = median(run[stage][1] / run["networks"][1] for run in runs)
        print(f"{stage:16}{wall:10.1f}{cpu:10.1f}{share:18.2f}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    print(f"peak {peak:.0f} MiB, Python and the networks included")


def answer_twice(isolator: Isolator, pixels: NDArray[np.uint8]) -> dict[str, tuple[float, float]]:
    """Wall-clock and processor seconds of each stage, and of choosing again in the opened photo."""
    clocks = [(perf_counter(), process_time())]

    def lap() -> tuple[float, float]:
        clocks.append((perf_counter(), process_time()))
        (wall, cpu), (wall_now, cpu_now) = clocks[-2:]
        return wall_now - wall, cpu_now - cpu

    laps = {}
    isolator.see(pixels)
    laps["networks"] = lap()
    opened = isolator.open(pixels)
    laps["open"] = lap()
    subject = opened.select()
    laps["choose"] = lap()
    opened.alpha(subject.chosen, subject=subject)
    laps["refine"] = lap()
    last = opened.select(Choice(rank=len(subject.ranking)))
    laps["choose again"] = lap()
    opened.alpha(last.chosen)
    laps["refine again"] = lap()
    return laps


if __name__ == "__main__":
    main()
