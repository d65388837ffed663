"""The options that every command has that cuts photos: the picture, the choice, the refinement."""

from __future__ import annotations

import click

from vx_detectron.cli.common import NETWORK, Number


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
        "--background",
        metavar="WHAT",
        help="black, transparent, a colour (orange, "
        "'#ff8800', 'rgb(255, 136, 0)'), blur, blur:PERCENT of the photo's diagonal, or "
        "picture:PATH.  [default: black]",
    ),
    click.option(
        "--fit",
        type=click.Choice(["cover", "contain"]),
        help="How to fit a background picture: fill the frame, or show it whole.  [default: cover]",
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
        help="Space around the subject, in percent of its longer side; with --crop.  [default: 5]",
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
        help="Cut the Nth of the ranking, 1 for the best; -v shows the ranking.",
    ),
    click.option("--at", metavar="X,Y", callback=_numbers, help="Cut what is at this point."),
    click.option(
        "--box", metavar="X0,Y0,X1,Y1", callback=_numbers, help="Cut what fits this box best."
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
REFINEMENT = (
    click.option(
        "--edges",
        type=click.Choice(["sharp", "matte"]),
        help="sharp: a pixel or two wide; matte: for hair and fur, and slower.  [default: sharp]",
    ),
    *NETWORK,
    click.option(
        "--no-fallback",
        is_flag=True,
        help="Where the network finds nothing at all, report "
        "that there is no subject. By default GrabCut cuts out what stands out, and the "
        "report says so.",
    ),
    click.option("--no-refine", is_flag=True, help="Leave the network's mask as it is."),
    click.option("--no-crf", is_flag=True, help="Refine the mask, but without the DenseCRF."),
)
