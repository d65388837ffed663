"""``evaluate``: how good the masks, the choices and the detections are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vx_detectron import __version__
from vx_detectron.cli.evaluate.options import (
    EVERY,
    FILE,
    FOLDER,
    NETWORK,
    OUTPUT,
    PREDICTION,
    RESULT,
    with_options,
)

FAILED, INTERRUPTED = 1, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vx-evaluate")
def main() -> None:
    """Measure masks, choices of the subject and detections against the truth.

    The table goes to standard output; progress and problems go to standard error.

    \b
    Examples:
      evaluate masks photos masks -o output/mine
      evaluate masks photos masks --predictions others -o output/others
      evaluate masks photos masks --command "rembg i -om {image} {mask}"
      evaluate masks photos masks --against output/mine/results.json -o output/new
      evaluate coco instances.json photos --ablation
      evaluate compare output/mine/results.json output/others/results.json
      evaluate masks photos masks --fail-under iou=0.8

    \b
    Exit codes:
      0    all photos measured
      1    failed: nothing could be measured; the message says why
      2    used wrongly; nothing was done
      4    some photos or masks could not be used; the figures are of the others
      5    a figure is under --fail-under
      130  interrupted
    """  # noqa: D301


@main.command()
@click.argument("images", type=FOLDER)
@click.argument("masks", type=FOLDER)
@with_options(*PREDICTION, *NETWORK, EVERY, *RESULT)
def masks(images: Path, masks: Path, **options: Any) -> None:
    """Masks of subjects, against a folder of true ones.

    A true mask is a black-and-white picture below MASKS, named like its photo below IMAGES but
    for the suffix. Grey levels count as white from 128 on; in a picture of 0 and 1 only, 1 is
    white. A photo in which no subject is found counts as an empty mask.
    """
    from vx_detectron.cli.evaluate import runs
    from vx_detectron.evaluation.truths import truths_from_folders

    _guarded(lambda: runs.masks(lambda: truths_from_folders(images, masks), options))


@main.command()
@click.argument("annotations", type=FILE)
@click.argument("images", type=FOLDER)
@with_options(*PREDICTION, *NETWORK, EVERY, *RESULT)
def coco(annotations: Path, images: Path, **options: Any) -> None:
    """Masks of subjects, against COCO annotations.

    ANNOTATIONS is a COCO json about the photos below IMAGES. The subject of a photo whose
    mask_kind is "subject" is all that is annotated, of another one its largest thing; photos in
    which that is not clear are left out and counted.
    """
    from vx_detectron.cli.evaluate import runs
    from vx_detectron.evaluation.truths import truths_from_coco

    _guarded(lambda: runs.masks(lambda: truths_from_coco(annotations, images), options))


@main.command()
@click.argument("labels", type=FILE)
@click.argument("annotations", type=FILE)
@click.argument("images", type=FOLDER)
@with_options(*NETWORK, *RESULT)
def choice(labels: Path, annotations: Path, images: Path, **options: Any) -> None:
    """Which thing is the subject, against what people say.

    LABELS is a json list about photos of the COCO json ANNOTATIONS; see
    vx_detectron/evaluation/choice_labels.py for its form. Once the true things are given, once
    the network's own are, and a union of masks is right from an IoU of 0.5 on.
    """
    from vx_detectron.cli.evaluate import runs

    _guarded(lambda: runs.choice(labels, annotations, images, options))


@main.command()
@click.argument("annotations", type=FILE)
@click.argument("images", type=FOLDER)
@with_options(*NETWORK, EVERY, *RESULT)
def detection(annotations: Path, images: Path, **options: Any) -> None:
    """COCO's average precision of the detector itself, boxes and masks.

    Photos that list their annotated_categories count for those classes only, and photos of which
    only the subject is annotated not at all.
    """
    from vx_detectron.cli.evaluate import runs

    _guarded(lambda: runs.detection(annotations, images, options))


@main.command()
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@click.option("--changed", type=click.IntRange(0), default=10, show_default=True, metavar="N",
              help="How many photos to name whose IoU changed most.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")
@OUTPUT
def compare(first: Path, second: Path, **options: Any) -> None:
    """Two results.json of masks, photo by photo: is SECOND better than FIRST?"""
    from vx_detectron.cli.evaluate import runs

    _guarded(lambda: runs.compare(first, second, options))


def _guarded(run: Callable[[], int]) -> None:
    """Turn what can go wrong into a message and an exit code."""
    from vx_detectron.errors import VxError

    try:
        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except VxError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
