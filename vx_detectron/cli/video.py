"""``video``: cut one subject out of every frame of a video."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm  # type: ignore[import-untyped]

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
    fail,
    result,
    say,
    with_options,
)
from vx_detectron.cli.video_options import EYE_SIZE, configuration, expect_classes

if TYPE_CHECKING:
    from fvcore.common.config import CfgNode

    from vx_detectron.video.order import VideoOrder
    from vx_detectron.video.run import Summary

_EXITS = (OK, FAILED, USAGE, NO_SUBJECT, PARTLY, INTERRUPTED)
_SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".webm": "webm", ".mov": "mov", "": "png"}


@click.command(cls=Command, name="video", exits=_EXITS)
@click.argument("source", type=UserPath(exists=True, dir_okay=False, path_type=Path),
                metavar="VIDEO")  # fmt: skip
@click.option("-o", "--output", type=UserPath(path_type=Path), metavar="PATH", help="The file to "
              "write: NAME.mp4 (H.264), NAME.webm (VP9, may be transparent) or NAME.mov (ProRes, "
              "may be transparent); or a folder, for numbered PNGs.  "
              "[default: VIDEO_cutout.mp4 beside it, or .webm if transparent]")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing result. Without it, an "
              "unfinished folder of PNGs continues where it stopped.")  # fmt: skip
@click.option("--background", metavar="WHAT", help="black, transparent, a colour ('#00b140'), "
              "blur, blur:PERCENT, picture:PATH, or video:PATH, which is looped.  "
              "[default: black]")  # fmt: skip
@click.option("--fit", type=click.Choice(["cover", "contain"]), help="How to fit a background "
              "picture or video: cover fills the frame, contain shows all of it.  "
              "[default: cover]")  # fmt: skip
@click.option("--mask-only", is_flag=True, help="Write the mask as a grey video, white where the "
              "subject is.")  # fmt: skip
@click.option("--crop/--no-crop", default=False, help="Crop all frames to one box around the "
              "subject; the video is read twice.")  # fmt: skip
@click.option("--margin", type=Number(0, 1000), metavar="PERCENT", help="Space around the subject, "
              "in percent of the box's longer side; with --crop.  [default: 5]")  # fmt: skip
@click.option("--start", metavar="TIME", help="Start at this time, in seconds or m:ss.")
@click.option("--end", metavar="TIME", help="Stop before this time.")
@click.option("--subject", metavar="NAME", help="Follow the best instance of this class.")
@click.option("--rank", type=int, metavar="N", help="Follow the Nth candidate of the ranking.")
@click.option("--all", is_flag=True, help="Follow everything that is found.")
@click.option("--with", multiple=True, metavar="NAME", help="Add the best instance of this class; "
              "may be repeated.")  # fmt: skip
@click.option("--without", multiple=True, metavar="NAME", help="Leave out this class; may be "
              "repeated.")  # fmt: skip
@click.option("--at", metavar="X,Y@TIME", help="Follow what is at this point at that time; nothing "
              "is cut out before.")  # fmt: skip
@click.option("--keep", multiple=True, metavar="X,Y@TIME", help="What is at this point belongs to "
              "the subject from that time on; may be repeated.")  # fmt: skip
@click.option("--drop", multiple=True, metavar="X,Y@TIME", help="What is at this point does not "
              "belong to the subject from that time on; may be repeated.")  # fmt: skip
@click.option("--detect-every", type=click.IntRange(1, 1000), default=5, show_default=True,
              metavar="N", help="Run the detector on every Nth frame; the eye runs on "
              "every frame.")  # fmt: skip
@EYE_SIZE
@click.option("--quality", type=click.IntRange(0, 51), metavar="N", help="The encoder's constant "
              "rate factor, smaller is better; for mp4 and webm.  "
              "[default: 18 for mp4, 24 for webm]")  # fmt: skip
@click.option("--sound/--no-sound", default=True, help="Keep the sound.  [default: sound]")
@with_options(*NETWORK)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON record per frame instead of "
              "the path.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def main(source: Path, **options: Any) -> None:
    """Cut one subject out of every frame of a video, and keep its sound and its timing.

    The subject is chosen in the first frame, as for a photo, and followed until the scene
    changes; then it is chosen again. Points are pixels of the upright video.

    \b
    Examples:
      {prog} clip.mp4                                  writes clip_cutout.mp4
      {prog} clip.mp4 -o clip.webm --background transparent
      {prog} clip.mov -o frames                        a folder of PNGs; can be resumed
      {prog} clip.mp4 -o green.mp4 --background '#00b140'
      {prog} clip.mp4 -o beach.mp4 --background video:waves.mp4
      {prog} clip.mp4 -o dog.mp4 --subject dog --crop
      {prog} clip.mp4 -o she.mp4 --at 320,180@1.5 --drop 90,200@4
      {prog} clip.mp4 -o part.mp4 --start 0:10 --end 0:20

    Until it is complete, a file is called NAME.part.SUFFIX; it can be played after a crash too.
    Ctrl-C finishes the file with what has been cut so far.
    """  # noqa: D301
    sys.exit(_run(source, options))


def _run(source: Path, options: dict[str, Any]) -> int:
    from vx_detectron.errors import SubjectError
    from vx_detectron.pipeline import Isolator
    from vx_detectron.video.extra import pyav
    from vx_detectron.video.options import EYE_SIZE as DEFAULT
    from vx_detectron.video.run import cut_video

    cfg = configuration(options, DEFAULT)
    order = _order(source, options, cfg)
    pyav()  # before any network is loaded
    _make_folder(order)
    progress = _Progress(options)
    try:
        with progress:
            summary = cut_video(
                Isolator(cfg),
                order,
                overwrite=options["overwrite"],
                tell=progress.frame,
                passes=progress.begin,
            )
    except SubjectError as error:
        fail(error)
        return NO_SUBJECT
    except KeyboardInterrupt:
        say(f"Interrupted: {order.output} contains the frames that were cut so far")
        raise
    return _report(summary, options)


def _report(summary: Summary, options: Mapping[str, Any]) -> int:
    for problem in summary.problems[:20]:
        say(f"note: {problem}")
    if len(summary.problems) > 20:
        say(f"note: and {len(summary.problems) - 20} more like that")
    if not options["quiet"]:
        if summary.resumed:
            say(f"{summary.resumed} frames already existed")
        for one in summary.stretches:
            who = " and ".join(one.labels) if one.state == "followed" else one.state
            who = {"none": "no subject", "hidden": "the subject is hidden"}.get(who, who)
            say(f"{one.start:.2f} to {one.end:.2f} s: {who}: {one.reason}")
    if not options["as_json"]:
        result(str(summary.path))
    seen = any(one.state == "followed" for one in summary.stretches)
    if not seen and summary.frames > summary.resumed:
        say("Error: no subject was found in any frame")
        return NO_SUBJECT
    return PARTLY if summary.problems else OK


class _Progress:
    """A bar with the time left, and the records."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, name: str, frames: int) -> None:
        """A pass over the video begins."""
        if self._bar is not None:
            self._bar.close()
        off = self._options["quiet"] or not sys.stderr.isatty()
        self._bar = tqdm(total=frames or None, desc=name, unit="frame", disable=off)

    def frame(self, frame: object, record: dict[str, Any]) -> None:
        """A frame is done."""
        self._bar.update()
        if self._options["as_json"]:
            result(json.dumps(record, allow_nan=False))


def _order(source: Path, options: dict[str, Any], cfg: CfgNode) -> VideoOrder:
    """The checked request.

    Raises:
        click.UsageError: an option that is invalid, or contradicts another one.
    """
    from vx_detectron.errors import VxError
    from vx_detectron.video.options import FollowOptions
    from vx_detectron.video.order import Pointing, VideoOrder, parse_pointed, parse_time

    _expect_partners(options)
    output, format = _output(source, options)
    try:
        choice = _choice(options)
        order = VideoOrder(
            source=source,
            output=output,
            format=format,  # type: ignore[arg-type]
            behind=_behind(options),
            mask_only=options["mask_only"],
            quality=options["quality"],
            sound=options["sound"],
            start=parse_time(options["start"]) if options["start"] else 0.0,
            end=parse_time(options["end"]) if options["end"] else float("inf"),
            choice=choice or None,
            at=parse_pointed(options["at"]) if options["at"] else None,
            keep=tuple(map(parse_pointed, options["keep"])),
            drop=tuple(map(parse_pointed, options["drop"])),
            crop=options["crop"],
            margin=(5.0 if options["margin"] is None else options["margin"]) / 100,
            follow=FollowOptions(detect_every=options["detect_every"]),
        )
        Pointing(order)
    except VxError as error:
        raise click.UsageError(str(error)) from error
    expect_classes(choice, cfg)
    if not order.start < order.end:
        raise click.UsageError("--start must be before --end.")
    return order


def _expect_partners(options: Mapping[str, Any]) -> None:
    if options["margin"] is not None and not options["crop"]:
        raise click.UsageError("--margin needs --crop.")
    if options["mask_only"] and options["background"]:
        raise click.UsageError("--mask-only shows no background; leave --background out.")
    if options["at"] and any(options[name] for name in ("subject", "rank", "all")):
        raise click.UsageError("--at chooses the subject; leave --subject, --rank and --all out.")


def _choice(options: Mapping[str, Any]) -> Any:
    from vx_detectron.subject import Choice

    return Choice(
        label=options["subject"],
        rank=options["rank"],
        everything=options["all"],
        added=options["with"],
        removed=options["without"],
    )


def _output(source: Path, options: Mapping[str, Any]) -> tuple[Path, str]:
    transparent = (options["background"] or "").strip().lower() == "transparent"
    output: Path | None = options["output"]
    if output is None:
        suffix = ".webm" if transparent else ".mp4"
        output = source.with_name(f"{source.stem}_cutout{suffix}")
    format = _SUFFIXES.get(output.suffix.lower())
    if output.is_dir():
        format = "png"
    if format is None:
        raise click.UsageError(
            f"{output}: expected NAME.mp4, NAME.webm, NAME.mov or a folder for PNGs."
        )
    if output.exists() and output.samefile(source):
        raise click.UsageError(f"{output} is the video itself; choose another name.")
    if format == "mp4" and transparent and not options["mask_only"]:
        raise click.UsageError("mp4 cannot be transparent; use NAME.webm, NAME.mov or a folder.")
    if options["quality"] is not None and format not in ("mp4", "webm"):
        raise click.UsageError("--quality is for mp4 and webm.")
    return output, format


def _behind(options: Mapping[str, Any]) -> Any:
    from dataclasses import replace

    from vx_detectron.deliver import BLACK, PictureFile
    from vx_detectron.video.backdrop import VideoBehind, parse_behind

    behind = BLACK if options["background"] is None else parse_behind(options["background"])
    if isinstance(behind, PictureFile | VideoBehind):
        if not Path(behind.path).is_file():
            raise click.UsageError(f"{behind.path}: no such file.")
        return replace(behind, fit=options["fit"] or "cover")
    if options["fit"]:
        raise click.UsageError("--fit needs a picture or a video as background.")
    return behind


def _make_folder(order: VideoOrder) -> None:
    from vx_detectron.files import make_folder_for

    make_folder_for(order.output)


if __name__ == "__main__":
    main()
