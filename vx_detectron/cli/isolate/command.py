"""``isolate``: cut the main subject out of photos."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from vx_detectron.cli.common import (
    FAILED,
    INTERRUPTED,
    NO_SUBJECT,
    OK,
    PARTLY,
    USAGE,
    Command,
    UserPath,
    with_options,
)
from vx_detectron.cli.isolate.options import CHOICE, HINTS, PICTURE, REFINEMENT

if TYPE_CHECKING:  # loaded when they are needed: --help must not wait for them
    from vx_detectron.cli.isolate.batch import Cutter
    from vx_detectron.cli.isolate.report import Report
    from vx_detectron.cli.isolate.settings import Settings

_EXITS = (OK, FAILED, USAGE, NO_SUBJECT, PARTLY, INTERRUPTED)


@click.command(cls=Command, name="isolate", exits=_EXITS)
@click.argument("inputs", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", type=UserPath(allow_dash=True), metavar="PATH", help="The picture "
              "to write, for one photo; otherwise a folder, created if needed, in which subfolders "
              "are kept. - is standard output.  "
              "[default: NAME_cutout.png beside the photo]")  # fmt: skip
@click.option("--recursive/--no-recursive", default=True, help="Search folders with all their "
              "subfolders, or only their top level.  [default: recursive]")  # fmt: skip
@click.option("--overwrite/--skip-existing", default=None, help="Replace results that already "
              "exist, or keep them and skip their photos, so that an interrupted run continues "
              "where it stopped. A photo is skipped only if the result was made from it, with "
              "the same options.  [default: an existing result is an error]")  # fmt: skip
@with_options(*PICTURE, *CHOICE, *HINTS)
@click.option("--explain", type=UserPath(allow_dash=True), metavar="PATH", help="Also write the "
              "photo with the candidates, their ranks and the reason, and a json beside it. "
              "NAME.png for one photo, otherwise a folder.")  # fmt: skip
@click.option("--layers", type=UserPath(allow_dash=True), metavar="PATH", help="Also write "
              "everything that is found as layers: to NAME.ora or NAME.psd for one photo, "
              "otherwise to a folder, as transparent PNGs in NAME_layers with their COCO "
              "json.")  # fmt: skip
@with_options(*REFINEMENT)
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="How many photos to process "
              "at a time. Files and messages stay the same; more jobs take more memory.  "
              "[default: as many as there are cores, at most 4]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON record per photo instead of "
              "its path.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Print more: ranking, steps, times.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def main(inputs: tuple[str, ...], **options: Any) -> None:
    """Cut the main subject out of photos; the rest turns black, or into a background you choose.

    PHOTO is a file, a folder, a pattern such as "photos/**/*.jpg", or - for standard input, whose
    cut-out goes to standard output. The command says what the subject is and why. To choose
    another subject, use one of --subject, --rank, --at, --box and --all; --with and --without add
    and remove things. To correct a cut, use --keep, --drop and --strokes; they also cut things
    that the detector does not know.

    \b
    Examples:
      {prog} photo.jpg                          writes photo_cutout.png
      {prog} photo.jpg -o cut.webp --background transparent
      {prog} photos -o cut --skip-existing      a folder, and its subfolders
      {prog} photo.jpg --subject dog --crop --margin 10
      {prog} photo.jpg --with dog --without handbag --explain why.png
      {prog} photo.jpg --drop 310,420           the automatic cut without what is at that point
      {prog} photo.jpg --keep 900,610           whatever is at that point
      {prog} portrait.jpg --edges matte --layers portrait.ora
      {prog} photo.jpg --background picture:beach.jpg --fit cover
      {prog} photo.jpg --opt VX.SUBJECT.MIN_SCORE 0.3
      {prog} - < photo.jpg > cut.png

    The path of each cut-out, or with --json its record, goes to standard output; messages go to
    standard error. A picture is written completely or not at all, and photos are never
    overwritten.

    Results carry a mark (EXIF "Software") with the photo's sha256, so that they are not cut again
    when you process their folder. Photos in one folder whose names differ only in the suffix
    become NAME.jpg_cutout.png and NAME.png_cutout.png; names that still clash are numbered.
    """  # noqa: D301
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
    from vx_detectron.cli.isolate.side_by_side import usual_number

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
    threads = min(options["jobs"] or usual_number(len(jobs)), max(len(jobs), 1))
    with Report(len(jobs) + len(found.problems), verbosity, options["as_json"]) as report:
        report.left_out(found.own, found.namesakes)
        for text, problem in found.problems:
            report.add(Outcome(Job(text, ""), "failed", problem))
        # Closed in any case: after Ctrl-C, what is in work must end before the summary.
        with closing(
            run(jobs, existing, lambda: _load(settings, report, options, threads), threads)
        ) as outcomes:
            for outcome in outcomes:
                report.add(outcome)
    code = exit_code(report.counts)
    sys.exit(PARTLY if report.lost and code == OK else code)


def _expect_free_stdout(outputs: list[str], as_json: bool) -> None:
    if "-" not in outputs:
        return
    if as_json:
        raise click.UsageError("--json and the cut-out cannot both go to standard output; use -o.")
    if sys.stdout is None:
        raise click.UsageError("standard output is closed; use -o FILE.")
    if sys.stdout.isatty():
        raise click.UsageError("a terminal cannot show a picture; use -o FILE, or > FILE.")


def _load(settings: Settings, report: Report, options: dict[str, Any], threads: int) -> Cutter:
    """Load the network, and say which one it is."""
    from vx_detectron.cli.isolate.batch import Cutter
    from vx_detectron.cli.isolate.side_by_side import limit_threads, share_cores
    from vx_detectron.pipeline import Isolator

    if not options["verbose"]:
        _hush_libraries()
    started = perf_counter()
    isolator = Isolator(share_cores(settings.cfg, threads))
    limit_threads(threads)
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
