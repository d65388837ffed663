"""``live``: replace the background behind a camera's subject."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from vx_detectron.cli.common import NETWORK, Command, Number, UserPath, say, with_options
from vx_detectron.cli.video_options import configuration

if TYPE_CHECKING:
    from vx_detectron.video.backdrop import Behind
    from vx_detectron.video.live import Camera, Live
    from vx_detectron.video.screens import Screen

_EACH = 2.0  # seconds from one line of figures to the next


@click.command(cls=Command, name="live")
@click.option("--camera", default="0", show_default=True, metavar="N|FILE", help="The number of a "
              "camera, or a video file, which is played in real time.")  # fmt: skip
@click.option("--loop", is_flag=True, help="Play the file again when it ends.")
@click.option("--size", default="640x480", show_default=True, metavar="WxH", help="The size to "
              "request from the camera.")  # fmt: skip
@click.option("--rate", type=Number(1, 240), metavar="N", help="Target frames per second; if the "
              "machine is too slow, the eye works at a smaller size.  [default: the camera's, at "
              "most 30]")  # fmt: skip
@click.option("--background", multiple=True, metavar="WHAT", help="black, a colour, blur, "
              "blur:PERCENT, picture:PATH or video:PATH; may be repeated, and the key b switches "
              "to the next.  [default: blur:3]")  # fmt: skip
@click.option("-o", "--output", type=UserPath(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write NAME.mp4 or NAME.webm instead of showing a window.")  # fmt: skip
@click.option("--virtual-camera", is_flag=True, help="Feed a virtual camera that other programs "
              "can select; needs the extra virtualcam.")  # fmt: skip
@click.option("--no-window", is_flag=True, help="Show nothing, to measure the speed.")
@click.option("--mirror/--no-mirror", default=None, help="Swap left and right.  [default: on for "
              "a camera in a window]")  # fmt: skip
@click.option("--seconds", type=Number(0, min_open=True), metavar="N", help="Stop after this many "
              "seconds.")  # fmt: skip
@click.option("--stats", is_flag=True, help="Print frames per second and delay every two seconds; "
              "the key s toggles it.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@with_options(*NETWORK)
def main(**options: Any) -> None:
    """Replace the background behind a camera's subject.

    Keys in the window: b next background, m mirror, c choose the subject again, s statistics, q or
    Escape quit.

    \b
    Examples:
      {prog} --background blur:3 --background picture:office.jpg
      {prog} --virtual-camera --background '#00b140'
      {prog} --camera clip.mp4 -o out.mp4 --background blur
      {prog} --camera clip.mp4 --no-window --stats
    """  # noqa: D301
    if options["output"] and (options["virtual_camera"] or options["no_window"]):
        raise click.UsageError("choose one of -o, --virtual-camera and --no-window.")
    cfg = configuration({**options, "eye_size": None}, 192)
    behind = _behind(options)
    width, height = _size(options["size"])
    from vx_detectron.video.cameras import open_camera

    asked = options["rate"] or 30.0
    camera = open_camera(options["camera"], width, height, asked, loop=options["loop"])
    rate = options["rate"] or min(camera.rate, 30.0)
    try:
        screen = _screen(options, camera, rate)
    except BaseException:
        camera.close()
        raise
    mirror = options["mirror"]
    if mirror is None:
        mirror = options["camera"].isdigit() and not options["output"]
    _play(_live(cfg, rate, mirror), camera, screen, behind, options)


def _play(
    live: Live, camera: Camera, screen: Screen, behind: list[Behind], options: Mapping[str, Any]
) -> None:
    from vx_detectron.video.backdrop import Backdrop
    from vx_detectron.video.live import Newest

    backdrops = [Backdrop(one, camera.size) for one in behind]
    newest = Newest(camera)
    began = told = perf_counter()
    stats, at = options["stats"], 0
    try:
        while (frame := newest.take()) is not None:
            image, taken = frame
            started = perf_counter()
            background = backdrops[at].at(Fraction(taken - began).limit_denominator(1000))
            picture, _ = live.cut(image, background)
            key = screen.show(picture, taken)
            now = perf_counter()
            live.shown(taken, started, now)
            if key == "q" or (options["seconds"] and now - began >= options["seconds"]):
                break
            at = (at + (key == "b")) % len(backdrops)
            live.mirror ^= key == "m"
            stats ^= key == "s"
            if key == "c":
                live.choose_again()
            if stats and now - told >= _EACH:
                say(f"{live.figures}, {newest.dropped} dropped")
                told = now
    except BaseException:
        if live.figures.frames:  # else there is nothing to keep, and the error says more
            screen.close()
        raise
    else:
        screen.close()
    finally:
        newest.close()
        for one in backdrops:
            one.close()
    say(f"{live.figures.frames} frames shown, {newest.dropped} dropped: {live.figures}")


def _live(cfg: Any, rate: float, mirror: bool) -> Live:
    from vx_detectron.engines import build_eye
    from vx_detectron.pipeline import Isolator
    from vx_detectron.video.live import EYE_SIZES, Live

    eyes = {}
    for size in EYE_SIZES:
        own = cfg.clone()
        own.defrost()
        own.VX.EYE.SIZES = (size,)
        own.freeze()
        eye = build_eye(own)
        assert eye is not None  # configuration() refuses "none"
        eyes[size] = eye
    return Live(Isolator(cfg), eyes, rate, mirror=mirror)


def _screen(options: Mapping[str, Any], camera: Camera, rate: float) -> Screen:
    from vx_detectron.errors import VideoError
    from vx_detectron.video import screens

    output: Path | None = options["output"]
    if output is not None:
        format = output.suffix.lower().lstrip(".")
        if format not in ("mp4", "webm"):
            raise click.UsageError(f"{output}: expected NAME.mp4 or NAME.webm.")
        if output.exists() and not options["overwrite"]:
            raise VideoError(f"{output} already exists; use --overwrite to replace it")
        return screens.Recording(output, format, camera.size, rate)  # type: ignore[arg-type]
    if options["virtual_camera"]:
        virtual = screens.VirtualCamera(camera.size, rate)
        say(f"select the camera {virtual.name} in the other program; press Ctrl-C to stop")
        return virtual
    return screens.Nowhere() if options["no_window"] else screens.Window()


def _behind(options: Mapping[str, Any]) -> list[Behind]:
    from vx_detectron.deliver import PictureFile, Transparent
    from vx_detectron.errors import VxError
    from vx_detectron.video.backdrop import VideoBehind, parse_behind

    found: list[Behind] = []
    for text in options["background"] or ("blur:3",):
        try:
            one = parse_behind(text)
        except VxError as error:
            raise click.UsageError(str(error)) from error
        if isinstance(one, Transparent):
            raise click.UsageError("live video cannot be transparent; use a colour.")
        if isinstance(one, PictureFile | VideoBehind) and not Path(one.path).is_file():
            raise click.UsageError(f"{one.path}: no such file.")
        found.append(one)
    return found


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise click.UsageError(f"--size: expected WIDTHxHEIGHT, such as 1280x720; got {text!r}.")
    return int(width), int(height)


if __name__ == "__main__":
    main()
