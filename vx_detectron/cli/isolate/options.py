"""The options of every command that cuts photos: the picture, the choice, the refinement."""

from __future__ import annotations

import click

from vx_detectron.cli.common import NETWORK, Number, UserPath


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
        unit = "percent" if "PERCENT" in order else "pixels of the photo"
        raise click.BadParameter(f"expected {order} in {unit}, got {value!r}.")
    return numbers


def _points(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[float, ...], ...]:
    """Points, each as ``_numbers`` reads it."""
    points = (_numbers(context, parameter, value) for value in values)
    return tuple(point for point in points if point is not None)


PICTURE = (
    click.option(
        "--format",
        type=click.Choice(["png", "jpg", "webp", "tiff"], case_sensitive=False),
        help="The format of the pictures.  [default: from the name given with -o, otherwise png]",
    ),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        help="The quality of jpg and webp; 100 makes webp lossless.  [default: 95]",
    ),
    click.option(
        "--compression",
        type=click.IntRange(0, 9),
        help="The compression of png: 1 is fast, 9 makes the smallest file, 0 compresses nothing."
        "  [default: 1]",
    ),
    click.option(
        "--background",
        metavar="WHAT",
        help="black, transparent, a colour (orange, '#ff8800', 'rgb(255, 136, 0)'), "
        "gradient:COLOUR,COLOUR, blur, blur:PERCENT of the photo's diagonal, or picture:PATH.  "
        "[default: black]",
    ),
    click.option(
        "--fit",
        type=click.Choice(["cover", "contain"]),
        help="How to fit a background picture: cover fills the frame, contain shows all of it.  "
        "[default: cover]",
    ),
    click.option(
        "--mask-only",
        is_flag=True,
        help="Write the mask as a grey picture, white where the "
        "subject is, as NAME_cutout_mask.png.",
    ),
    click.option("--crop/--no-crop", default=False, help="Crop the picture to the subject."),
    click.option(
        "--margin",
        type=Number(0, 1000),
        metavar="PERCENT",
        help="Space around the subject, in percent of its longer side; with --crop or --canvas.  "
        "[default: 5]",
    ),
    click.option(
        "--canvas",
        metavar="SHAPE",
        help="The shape of the picture, with the subject in its middle: a ratio such as 4:5, or "
        "pixels such as 1600x1600, to which the subject is scaled.  [default: the photo's own "
        "frame]",
    ),
    click.option(
        "--scale",
        type=Number(5, 500),
        default=100.0,
        metavar="PERCENT",
        help="The subject's size on its canvas.  [default: 100]",
    ),
    click.option(
        "--move",
        metavar="XPERCENT,YPERCENT",
        callback=_numbers,
        help="Move the subject right and down, in percent of the canvas.",
    ),
    click.option(
        "--shadow",
        metavar="KIND",
        default="none",
        help="none, soft (on a wall), or contact (on the ground); add the strength in percent, "
        "such as soft:60.  [default: none]",
    ),
    click.option(
        "--grow",
        type=Number(-100, 100),
        default=0.0,
        metavar="PIXELS",
        help="Grow the cut-out by this many pixels on every side; negative values shrink it.  "
        "[default: 0]",
    ),
    click.option(
        "--feather",
        type=Number(0, 200),
        default=0.0,
        metavar="PIXELS",
        help="Fade the edge over this many pixels.  [default: 0]",
    ),
    click.option(
        "--decontaminate",
        type=Number(0, 100),
        default=100.0,
        metavar="PERCENT",
        help="How much of the old background's colour to remove from the edge.  [default: 100]",
    ),
)
CHOICE = (
    click.option(
        "--subject", metavar="NAME", help="Cut the best instance of this class, such as dog."
    ),
    click.option(
        "--rank",
        type=int,
        metavar="N",
        help="Cut the Nth candidate of the ranking, 1 for the best; -v shows the ranking.",
    ),
    click.option("--at", metavar="X,Y", callback=_numbers, help="Cut what is at this point."),
    click.option(
        "--box",
        metavar="X0,Y0,X1,Y1",
        callback=_numbers,
        help="Cut what fits this box best. Together with --keep, --drop, --strokes or --start it "
        "is a hint instead: it limits what the other hints change, and with --start nothing alone, "
        "the thing inside it is cut.",
    ),
    click.option("--all", is_flag=True, help="Cut everything that is found."),
    click.option(
        "--with",
        multiple=True,
        metavar="NAME",
        help="Add the best instance of this class; may be repeated.",
    ),
    click.option(
        "--without",
        multiple=True,
        metavar="NAME",
        help="Leave out instances of this class; may be repeated.",
    ),
)
HINTS = (
    click.option(
        "--keep",
        multiple=True,
        metavar="X,Y",
        callback=_points,
        help="Keep what is at this point; may be repeated.",
    ),
    click.option(
        "--drop",
        multiple=True,
        metavar="X,Y",
        callback=_points,
        help="Drop what is at this point; may be repeated.",
    ),
    click.option(
        "--strokes",
        type=UserPath(),
        metavar="FILE",
        help="A picture with the photo's size or proportions: green marks what to keep, red what "
        "to drop; black and transparent pixels mark nothing.",
    ),
    click.option(
        "--start",
        type=click.Choice(["cut", "nothing"]),
        help="What these hints start from: the cut made without them, or nothing.  [default: cut "
        "if something is chosen or nothing is marked to keep, otherwise nothing]",
    ),
)
"""Corrections of one photo's cut; useless for many photos."""
REFINEMENT = (
    click.option(
        "--edges",
        type=click.Choice(["sharp", "matte"]),
        help="sharp: a pixel or two wide; matte: for hair and fur, slower.  [default: sharp]",
    ),
    *NETWORK,
    click.option(
        "--no-fallback",
        is_flag=True,
        help="If the networks find nothing at all, report that there is no subject. By default, "
        "GrabCut then cuts out what stands out, and the report says so.",
    ),
    click.option("--no-refine", is_flag=True, help="Use the network's mask without refining it."),
    click.option("--no-crf", is_flag=True, help="Refine the mask, but without the DenseCRF."),
)
