"""``isolate``: cut the main subject out of photos."""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from vx_detectron import __version__

if TYPE_CHECKING:  # loaded when they are needed: --help shall not wait for them
    from vx_detectron.cli.isolate.batch import Cutter
    from vx_detectron.cli.isolate.report import Report
    from vx_detectron.cli.isolate.settings import Settings

FAILED, INTERRUPTED = 1, 130


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


@click.command(name="isolate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("inputs", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", metavar="PATH", help="The picture to write, for one photo; else a "
              "folder, made if need be, below which subfolders are kept. - is standard output.  "
              "[default: NAME_cutout.png beside the photo]")  # fmt: skip
@click.option("--recursive/--no-recursive", default=True, help="Search folders to the bottom, or "
              "only their top.  [default: recursive]")  # fmt: skip
@click.option("--overwrite/--skip-existing", default=None, help="Replace outputs that are there "
              "already, or keep them and skip their photos, so that a run that broke off goes on "
              "where it was.  [default: such a photo is an error]")  # fmt: skip
@click.option("--format", type=click.Choice(["png", "jpg", "webp", "tiff"], case_sensitive=False),
              help="Of the pictures.  [default: by the name given with -o, else png]")  # fmt: skip
@click.option("--quality", type=click.IntRange(1, 100), help="Of jpg and webp; 100 makes webp "
              "lossless.  [default: 95]")  # fmt: skip
@click.option("--background", metavar="WHAT", help="black, transparent, a colour (orange, "
              "'#ff8800', 'rgb(255, 136, 0)'), blur, blur:PERCENT of the photo's diagonal, or "
              "picture:PATH.  [default: black]")  # fmt: skip
@click.option("--fit", type=click.Choice(["cover", "contain"]), help="How a background picture is "
              "fitted: fill the frame, or be seen whole.  [default: cover]")  # fmt: skip
@click.option("--mask-only", is_flag=True, help="Write the mask as a grey picture, white where the "
              "subject is, as NAME_cutout_mask.png.")  # fmt: skip
@click.option("--crop/--no-crop", default=False, help="Cut the picture to the subject.")
@click.option("--margin", type=click.FloatRange(0, 1000), metavar="PERCENT", help="Space around "
              "it, of its longer side; with --crop.  [default: 5]")  # fmt: skip
@click.option("--subject", metavar="NAME", help="Cut the best instance of this class, such as dog.")
@click.option("--rank", type=int, metavar="N", help="Cut the Nth of the ranking, 1 for the best; "
              "-v shows the ranking.")  # fmt: skip
@click.option("--at", metavar="X,Y", callback=_numbers, help="Cut what is at this point.")
@click.option(
    "--box", metavar="X0,Y0,X1,Y1", callback=_numbers, help="Cut what fits this box best."
)
@click.option("--all", is_flag=True, help="Cut everything that is found.")
@click.option("--with", multiple=True, metavar="NAME", help="Add the best instance of this class; "
              "may be repeated.")  # fmt: skip
@click.option("--without", multiple=True, metavar="NAME", help="Leave instances of this class "
              "out; may be repeated.")  # fmt: skip
@click.option("--explain", metavar="PATH", help="Also write the photo with the candidates, their "
              "ranks and the reason, and a json beside it. NAME.png for one photo, else a "
              "folder.")  # fmt: skip
@click.option("--layers", metavar="PATH", help="Also write everything that is found as layers: to "
              "NAME.ora or NAME.psd for one photo, else to a folder, as transparent PNGs in "
              "NAME_layers with their COCO json.")  # fmt: skip
@click.option("--edges", type=click.Choice(["sharp", "matte"]), help="sharp: a pixel or two wide; "
              "matte: for hair and fur, and slower.  [default: sharp]")  # fmt: skip
@click.option("--config-file", metavar="FILE", help="A yaml file, or the name of a configuration "
              "that comes with the package.  [default: vx_fbnetv3a]")  # fmt: skip
@click.option("--opt", nargs=2, multiple=True, metavar="KEY VALUE", help="Override a key of the "
              "configuration; may be repeated, and wins over every other option.")  # fmt: skip
@click.option("--engine", type=click.Choice(["auto", "detectron2", "torchvision"]), help="What "
              "runs the network.  [default: auto, Detectron2 where it is installed]")  # fmt: skip
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:N or auto.  [default: auto]")
@click.option("--weights", metavar="PATH|URL", help="Other weights for the network.")
@click.option("--eye", metavar="NAME|FILE", help="The network that maps the main subject: vx_eye, "
              "none, or a file of its weights.  [default: vx_eye]")  # fmt: skip
@click.option("--no-fallback", is_flag=True, help="Where the network finds nothing at all, report "
              "that there is no subject; else GrabCut cuts what stands out, and the report says "
              "so.")  # fmt: skip
@click.option("--no-refine", is_flag=True, help="Leave the network's mask as it is.")
@click.option("--no-crf", is_flag=True, help="Refine the mask, but without the DenseCRF.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON record a photo, not its path.")
@click.option("-v", "--verbose", is_flag=True, help="Tell more: ranking, steps, times.")
@click.option("-q", "--quiet", is_flag=True, help="Tell of errors only.")
@click.version_option(__version__, prog_name="vx-isolate")
def main(inputs: tuple[str, ...], **options: Any) -> None:
    """Cut the main subject out of photos; everything else turns black, or what you ask for.

    PHOTO is a file, a folder, a pattern such as "photos/**/*.jpg", or - for standard input, whose
    cut-out goes to standard output. It says what the subject is and why; at most one of
    --subject, --rank, --at, --box and --all chooses another one, which --with and --without change.

    \b
    Examples:
      isolate photo.jpg                          writes photo_cutout.png
      isolate photo.jpg -o cut.webp --background transparent
      isolate photos -o cut --skip-existing      a folder, and its subfolders
      isolate photo.jpg --subject dog --crop --margin 10
      isolate photo.jpg --with dog --without handbag --explain why.png
      isolate portrait.jpg --edges matte --layers portrait.ora
      isolate photo.jpg --background picture:beach.jpg --fit cover
      isolate photo.jpg --opt VX.SUBJECT.MIN_SCORE 0.3
      isolate - < photo.jpg > cut.png

    The path of each cut-out, or with --json its record, goes to standard output; words go to
    standard error. A picture is written whole or not at all, and photos are never overwritten.
    Pictures that this command made, named ..._cutout, are not cut again. Photos of one folder
    that differ in their suffix only become NAME.jpg_cutout.png and NAME.png_cutout.png.

    \b
    Exit codes:
      0    all done, or there already
      1    failed: no photo could be cut, or the network cannot be loaded
      2    used wrongly; nothing was done
      3    no subject was found, or not the one that was asked for
      4    a part of several photos failed or had no subject; the rest is there
      130  stopped by Ctrl-C or kill; --skip-existing goes on
    """  # noqa: D301
    from vx_detectron.errors import VxError

    # kill shall end it as Ctrl-C does, with nothing half-written.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(_run(inputs, options))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except VxError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(FAILED)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(inputs: tuple[str, ...], options: dict[str, Any]) -> int:
    """Cut all the photos, and return the exit code."""
    from vx_detectron.cli.isolate.batch import Outcome, exit_code, run
    from vx_detectron.cli.isolate.outputs import (
        Existing,
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
    existing = Existing(options["overwrite"], [*(job.photo for job in jobs), *settings.files])
    verbosity = int(options["verbose"]) - int(options["quiet"])
    with Report(len(jobs) + len(found.problems), verbosity, options["as_json"]) as report:
        report.left_out(found.own)
        for text, problem in found.problems:
            report.add(Outcome(Job(text, ""), "failed", problem))
        for outcome in run(jobs, existing, lambda: _load(settings, report, options)):
            report.add(outcome)
    return exit_code(report.counts)


def _expect_free_stdout(outputs: list[str], as_json: bool) -> None:
    if "-" not in outputs:
        return
    if as_json:
        raise click.UsageError("--json and the cut-out cannot both go to standard output; use -o.")
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
    return Cutter(isolator, settings.finish, settings.choice, options["as_json"])


def _hush_libraries() -> None:
    """Keep the libraries' notes to their developers from people who cut photos."""
    warnings.filterwarnings("ignore", module=r"(torch|torchvision|detectron2|fvcore)(\..*)?$")
    for name in ("torch", "detectron2", "fvcore"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()
