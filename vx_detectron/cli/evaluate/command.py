"""``evaluate``: how good the masks, the choices and the detections are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from vx_detectron.cli.common import (
    FAILED,
    INTERRUPTED,
    NETWORK,
    OK,
    PARTLY,
    UNDER,
    USAGE,
    Group,
    Number,
    UserPath,
    with_options,
)
from vx_detectron.cli.evaluate.options import (
    EVERY,
    FILE,
    FOLDER,
    OUTPUT,
    PREDICTION,
    RESULT,
)
from vx_detectron.cli.video_options import EYE_SIZE

_EXITS = (OK, FAILED, USAGE, PARTLY, UNDER, INTERRUPTED)


@click.group(cls=Group, name="evaluate", exits=_EXITS)
def main() -> None:
    """Measure masks, choices of the subject, detections and clicks against the ground truth.

    The table goes to standard output; progress and problems go to standard error. If the exit
    code is 4, the figures cover only the photos and masks that could be used.

    \b
    Examples:
      {prog} masks photos masks -o output/mine
      {prog} masks photos masks --predictions others -o output/others
      {prog} masks photos masks --command "rembg i -om {image} {mask}"
      {prog} masks photos masks --against output/mine/results.json -o output/new
      {prog} clicks photos masks --every 10
      {prog} coco instances.json photos --ablation
      {prog} compare output/mine/results.json output/others/results.json
      {prog} masks photos masks --fail-under iou=0.8
    """  # noqa: D301


@main.command(exits=_EXITS)
@click.argument("images", type=FOLDER)
@click.argument("masks", type=FOLDER)
@with_options(*PREDICTION, *NETWORK, EVERY, *RESULT)
def masks(images: Path, masks: Path, **options: Any) -> None:
    """Compare masks of subjects with a folder of true masks.

    A true mask is a black-and-white picture below MASKS, with the same name as its photo below
    IMAGES apart from the suffix. Grey levels from 128 up count as white; in a picture that contains
    only 0 and 1, 1 is white. A photo in which no subject is found counts as an empty mask.
    """
    from vx_detectron.cli.evaluate import runs
    from vx_detectron.evaluation.truths import truths_from_folders

    sys.exit(runs.masks(lambda: truths_from_folders(images, masks), options))


@main.command(exits=_EXITS)
@click.argument("annotations", type=FILE)
@click.argument("images", type=FOLDER)
@with_options(*PREDICTION, *NETWORK, EVERY, *RESULT)
def coco(annotations: Path, images: Path, **options: Any) -> None:
    """Compare masks of subjects with COCO annotations.

    ANNOTATIONS is a COCO json for the photos below IMAGES. If a photo's mask_kind is "subject",
    the subject is everything annotated; otherwise it is the largest thing. Photos in which that
    is not clear are left out and counted.
    """
    from vx_detectron.cli.evaluate import runs
    from vx_detectron.evaluation.truths import truths_from_coco

    sys.exit(runs.masks(lambda: truths_from_coco(annotations, images), options))


@main.command(exits=_EXITS)
@click.argument("labels", type=FILE)
@click.argument("annotations", type=FILE)
@click.argument("images", type=FOLDER)
@with_options(*NETWORK, *RESULT)
def choice(labels: Path, annotations: Path, images: Path, **options: Any) -> None:
    """Compare the choice of the subject with people's choices.

    LABELS is a json list about photos of the COCO json ANNOTATIONS; see
    vx_detectron/evaluation/choice_labels.py for its format. The choice is made twice: among the
    true things, and among those that the network finds. A union of masks counts as right if its
    IoU is at least 0.5.
    """
    from vx_detectron.cli.evaluate import runs

    sys.exit(runs.choice(labels, annotations, images, options))


@main.command(exits=_EXITS)
@click.argument("annotations", type=FILE)
@click.argument("images", type=FOLDER)
@with_options(*NETWORK, EVERY, *RESULT)
def detection(annotations: Path, images: Path, **options: Any) -> None:
    """Measure COCO's average precision of the detector itself, for boxes and masks.

    Photos that list their annotated_categories count for those classes only; photos in
    which only the subject is annotated do not count.
    """
    from vx_detectron.cli.evaluate import runs

    sys.exit(runs.detection(annotations, images, options))


@main.command(exits=_EXITS)
@click.argument("folders", type=FOLDER, nargs=-1, required=True)
@click.option("--masks", type=FOLDER, required=True, metavar="FOLDER", help="A folder that has a "
              "folder of true masks per clip, with the clip's name; pixels other than 0 are the "
              "subject.")  # fmt: skip
@click.option("--predictions", type=FOLDER, metavar="FOLDER", help="Measure the grey masks in the "
              "subfolders of this folder, named like the frames, and run no network.")  # fmt: skip
@click.option("--photos", is_flag=True, help="Also cut every frame on its own, as a photo, and "
              "compare.")  # fmt: skip
@click.option("--frames", type=click.IntRange(2), metavar="N", help="Use only the first N frames "
              "of every clip.")  # fmt: skip
@click.option("--detect-every", type=click.IntRange(1, 1000), default=5, show_default=True,
              metavar="N", help="As for the command video.")  # fmt: skip
@EYE_SIZE
@with_options(*NETWORK, OUTPUT)
def video(folders: tuple[Path, ...], **options: Any) -> None:
    """Measure how well a subject is followed: DAVIS's J and F, flicker, lag, lost frames.

    Each of FOLDERS is a clip: a folder of numbered pictures. J is the mean IoU, F the mean
    F-measure of the contours. Flicker is how much the mask's error changes between frames,
    relative to the subject's area. A frame counts as lost if the subject covers at least 0.5 % of
    its pixels and the IoU is below 0.1.

    \b
    Example:
      {prog} DAVIS/JPEGImages/480p/dog --masks DAVIS/Annotations/480p --photos
    """  # noqa: D301
    from vx_detectron.cli.evaluate import clips

    sys.exit(clips.run(folders, options))


@main.command(exits=_EXITS)
@click.argument("images", type=FOLDER)
@click.argument("masks", type=FOLDER, required=False)
@click.option("--coco", type=FILE, metavar="FILE", help="Instead of MASKS: each thing that this "
              "COCO json annotates, except crowds.")  # fmt: skip
@click.option("--smallest", type=Number(0, 1), default=0.01, show_default=True, metavar="SHARE",
              help="With --coco: leave out things that cover a smaller share of their "
              "photo.")  # fmt: skip
@click.option("--split", metavar="NAME", help="With --coco: use only the photos of this split.")
@click.option("--from", "start", type=click.Choice(["nothing", "cut"]), default="nothing",
              show_default=True, help="What the clicks start from: nothing, or the automatic "
              "cut.")  # fmt: skip
@click.option("--segmenter", type=click.Choice(["auto", "network", "graph cut", "grabcut"]),
              default="auto", show_default=True, help="What interprets the clicks; grabcut is "
              "OpenCV's GrabCut alone, without any network, as a baseline.")  # fmt: skip
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Use only every Nth mask.")  # fmt: skip
@with_options(*NETWORK)
@click.option("-o", "--output", type=UserPath(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Where to write results.json and results.csv.  [default: nowhere]")  # fmt: skip
@click.option("--fail-under", multiple=True, metavar="FIGURE=VALUE", help="Exit with code 5 if "
              "this figure, iou_1, iou_3 or iou_5, is smaller; may be repeated.")  # fmt: skip
def clicks(images: Path, masks: Path | None, **options: Any) -> None:
    """Count the clicks that a simulated person needs for a cut.

    True masks are those of the command masks, or with --coco all annotated things. The person
    clicks in the middle of the largest error, at most 20 times, as in the literature (RITM,
    FocalClick). noc_85 and noc_90 are the mean number of clicks until the IoU reaches 0.85 and
    0.90, or 20 if it never does; failures_85 and failures_90 count those masks.
    """
    from vx_detectron.cli.evaluate import clicks as run

    sys.exit(run.clicks(images, masks, options))


@main.command(exits=_EXITS)
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@click.option("--changed", type=click.IntRange(0), default=10, show_default=True, metavar="N",
              help="How many of the photos whose IoU changed most to list.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, not a table.")
@OUTPUT
def compare(first: Path, second: Path, **options: Any) -> None:
    """Compare two results.json of masks, photo by photo: is SECOND better than FIRST?"""
    from vx_detectron.cli.evaluate import runs

    sys.exit(runs.compare(first, second, options))


if __name__ == "__main__":
    main()
