"""``isolate``: cut the main subject out of photos."""

from __future__ import annotations

import logging
import sys
import warnings
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from vx_detectron.cli.common import (
    FAILED,
    INTERRUPTED,
    NETWORK,
    NO_SUBJECT,
    OK,
    PARTLY,
    USAGE,
    Command,
    Number,
    UserPath,
    with_options,
)

if TYPE_CHECKING:  # loaded when they are needed: --help must not wait for them
    from vx_detectron.cli.isolate.batch import Cutter
    from vx_detectron.cli.isolate.report import Report
    from vx_detectron.cli.isolate.settings import Settings

_EXITS = (OK, FAILED, USAGE, NO_SUBJECT, PARTLY, INTERRUPTED)


def _numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """As many numbers, separated by commas, as the option's metavar names."""
    if value is None:
        return None
    order = str(parameter.metavar)
    try:
        numbers = tuple(float(part) for part in value.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != order.count(",") + 1:
        raise click.BadParameter(f"expected {order} in pixels of the photo, got {value!r}.")
    return numbers


def _points(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[float, ...], ...]:
    """Points, each as ``_numbers`` reads it."""
    points = (_numbers(context, parameter, value) for value in values)
    return tuple(point for point in points if point is not None)


@click.command(cls=Command, name="isolate", exits=_EXITS)
@click.argument("inputs", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", type=UserPath(allow_dash=True), metavar="PATH", help="The picture "
              "to write, for one photo; otherwise a folder, created if needed, in which subfolders "
              "are kept. - is standard output.  "
              "[default: NAME_cutout.png beside the photo]")  # fmt: skip
@click.option("--recursive/--no-recursive", default=True, help="Search folders with all their "
              "subfolders, or only their top level.  [default: recursive]")  # fmt: skip
@click.option("--overwrite/--skip-existing", default=None, help="Replace results that are already "
              "there, or keep them and skip their photos, so that an interrupted run continues "
              "where it stopped. A photo is skipped only where the result is its own, made with "
              "the same options.  [default: such a photo is an error]")  # fmt: skip
@click.option("--format", type=click.Choice(["png", "jpg", "webp", "tiff"], case_sensitive=False),
              help="The format of the pictures.  [default: from the name given with -o, otherwise "
              "png]")  # fmt: skip
@click.option("--quality", type=click.IntRange(1, 100), help="The quality of jpg and webp; 100 "
              "makes webp lossless.  [default: 95]")  # fmt: skip
@click.option("--background", metavar="WHAT", help="black, transparent, a colour (orange, "
              "'#ff8800', 'rgb(255, 136, 0)'), blur, blur:PERCENT of the photo's diagonal, or "
              "picture:PATH.  [default: black]")  # fmt: skip
@click.option("--fit", type=click.Choice(["cover", "contain"]), help="How to fit a background "
              "picture: fill the frame, or show it whole.  [default: cover]")  # fmt: skip
@click.option("--mask-only", is_flag=True, help="Write the mask as a grey picture, white where the "
              "subject is, as NAME_cutout_mask.png.")  # fmt: skip
@click.option("--crop/--no-crop", default=False, help="Crop the picture to the subject.")
@click.option("--margin", type=Number(0, 1000), metavar="PERCENT", help="Space around the subject, "
              "in percent of its longer side; with --crop.  [default: 5]")  # fmt: skip
@click.option("--subject", metavar="NAME", help="Cut the best instance of this class, such as dog.")
@click.option("--rank", type=int, metavar="N", help="Cut the Nth of the ranking, 1 for the best; "
              "-v shows the ranking.")  # fmt: skip
@click.option("--at", metavar="X,Y", callback=_numbers, help="Cut what is at this point.")
@click.option("--box", metavar="X0,Y0,X1,Y1", callback=_numbers, help="Cut what fits this box "
              "best. With one of the four options below it is a hint: they reach no farther, and "
              "with --start nothing alone, what it holds is cut.")  # fmt: skip
@click.option("--all", is_flag=True, help="Cut everything that is found.")
@click.option("--with", multiple=True, metavar="NAME", help="Add the best instance of this class; "
              "may be repeated.")  # fmt: skip
@click.option("--without", multiple=True, metavar="NAME", help="Leave out instances of this class; "
              "may be repeated.")  # fmt: skip
@click.option("--keep", multiple=True, metavar="X,Y", callback=_points, help="Keep what is at this "
              "point; may be repeated.")  # fmt: skip
@click.option("--drop", multiple=True, metavar="X,Y", callback=_points, help="Drop what is at this "
              "point; may be repeated.")  # fmt: skip
@click.option("--strokes", type=UserPath(), metavar="FILE", help="A picture of the photo's size, "
              "or in its proportions: green marks what to keep, red what to drop, black and "
              "transparent nothing.")  # fmt: skip
@click.option("--start", type=click.Choice(["cut", "nothing"]), help="What these hints correct: "
              "the cut made without them, or nothing, so that they say all.  [default: cut if "
              "something is chosen or nothing is to be kept, otherwise nothing]")  # fmt: skip
@click.option("--explain", type=UserPath(allow_dash=True), metavar="PATH", help="Also write the "
              "photo with the candidates, their ranks and the reason, and a json beside it. "
              "NAME.png for one photo, otherwise a folder.")  # fmt: skip
@click.option("--layers", type=UserPath(allow_dash=True), metavar="PATH", help="Also write "
              "everything that is found as layers: to NAME.ora or NAME.psd for one photo, "
              "otherwise to a folder, as transparent PNGs in NAME_layers with their COCO "
              "json.")  # fmt: skip
@click.option("--edges", type=click.Choice(["sharp", "matte"]), help="sharp: a pixel or two wide; "
              "matte: for hair and fur, and slower.  [default: sharp]")  # fmt: skip
@with_options(*NETWORK)
@click.option("--no-fallback", is_flag=True, help="Where the network finds nothing at all, report "
              "that there is no subject. By default GrabCut cuts out what stands out, and the "
              "report says so.")  # fmt: skip
@click.option("--no-refine", is_flag=True, help="Leave the network's mask as it is.")
@click.option("--no-crf", is_flag=True, help="Refine the mask, but without the DenseCRF.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON record per photo instead of "
              "its path.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Print more: ranking, steps, times.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def main(inputs: tuple[str, ...], **options: Any) -> None:
    """Cut the main subject out of photos; everything else turns black, or what you ask for.

    PHOTO is a file, a folder, a pattern such as "photos/**/*.jpg", or - for standard input, whose
    cut-out goes to standard output. The command says what the subject is and why; at most one of
    --subject, --rank, --at, --box and --all chooses another subject, and --with and --without
    change it. What is wrong with a cut is corrected by --keep, --drop and --strokes, and they cut
    things too that the detector does not know.

    \b
    Examples:
      {prog} photo.jpg                          writes photo_cutout.png
      {prog} photo.jpg -o cut.webp --background transparent
      {prog} photos -o cut --skip-existing      a folder, and its subfolders
      {prog} photo.jpg --subject dog --crop --margin 10
      {prog} photo.jpg --with dog --without handbag --explain why.png
      {prog} photo.jpg --drop 310,420           the automatic cut without what is there
      {prog} photo.jpg --keep 900,610           whatever is there
      {prog} portrait.jpg --edges matte --layers portrait.ora
      {prog} photo.jpg --background picture:beach.jpg --fit cover
      {prog} photo.jpg --opt VX.SUBJECT.MIN_SCORE 0.3
      {prog} - < photo.jpg > cut.png

    The path of each cut-out, or with --json its record, goes to standard output; messages go to
    standard error. A picture is written whole or not at all, and photos are never overwritten.

    Pictures that this command has made are not cut again when their folder is: they carry a mark
    (EXIF "Software") with the photo's sha256. Photos of one folder whose names differ only in
    the suffix become NAME.jpg_cutout.png and NAME.png_cutout.png; names that still clash are
    numbered.
    """  # noqa: D301
    sys.exit(_run(inputs, options))


def _run(inputs: tuple[str, ...], options: dict[str, Any]) -> int:
    """Cut all the photos, and return the exit code."""
    from vx_detectron.cli.isolate.batch import Outcome, exit_code, run
    from vx_detectron.cli.isolate.existing import Existing
    from vx_detectron.cli.isolate.outputs import (
        Job,
        plan_explanations,
        plan_layers,
        plan_outputs,
    )
    from vx_detectron.cli.isolate.photos import find_photos
    from vx_detectron.cli.isolate.report import Report
    from vx_detectron.cli.isolate.settings import read_settings

    settings = read_settings(options)
    finish = settings.finish
    found = find_photos(inputs, recursive=options["recursive"])
    jobs = plan_outputs(found.sources, options["output"], finish.format, finish.mask_only)
    jobs = plan_explanations(jobs, found.sources, options["explain"])
    jobs = plan_layers(jobs, found.sources, options["layers"])
    _expect_free_stdout([job.output for job in jobs], options["as_json"])
    photos = [*(job.photo for job in jobs), *settings.files]
    existing = Existing(options["overwrite"], photos, settings.fingerprint)
    verbosity = int(options["verbose"]) - int(options["quiet"])
    with Report(len(jobs) + len(found.problems), verbosity, options["as_json"]) as report:
        report.left_out(found.own, found.namesakes)
        for text, problem in found.problems:
            report.add(Outcome(Job(text, ""), "failed", problem))
        for outcome in run(jobs, existing, lambda: _load(settings, report, options)):
            report.add(outcome)
    code = exit_code(report.counts)
    return PARTLY if report.lost and code == OK else code


def _expect_free_stdout(outputs: list[str], as_json: bool) -> None:
    if "-" not in outputs:
        return
    if as_json:
        raise click.UsageError("--json and the cut-out cannot both go to standard output; use -o.")
    if sys.stdout is None:
        raise click.UsageError("standard output is closed; use -o FILE.")
    if sys.stdout.isatty():
        raise click.UsageError("a picture is not for a terminal; use -o FILE, or > FILE.")


def _load(settings: Settings, report: Report, options: dict[str, Any]) -> Cutter:
    """Load the network, and say which one it is."""
    from vx_detectron.cli.isolate.batch import Cutter
    from vx_detectron.pipeline import Isolator

    if not options["verbose"]:
        _hush_libraries()
    started = perf_counter()
    isolator = Isolator(settings.cfg)
    report.loaded(isolator, perf_counter() - started)
    return Cutter(
        isolator,
        settings.finish,
        settings.choice,
        options["as_json"],
        settings.fingerprint,
        settings.marks,
    )


def _hush_libraries() -> None:
    """Hide the libraries' messages to developers from people who cut photos."""
    warnings.filterwarnings("ignore", module=r"(torch|torchvision|detectron2|fvcore)(\..*)?$")
    for name in ("torch", "detectron2", "fvcore"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()
