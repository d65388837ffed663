"""The hints of one run: points and a box as words, strokes as a painted picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from vx_detectron.errors import HintError, VxError
from vx_detectron.image_io import read_photo
from vx_detectron.interactive import Hints
from vx_detectron.interactive.painted import Painted
from vx_detectron.pipeline import Start


@dataclass(frozen=True)
class Marks:
    """Hints that are not bound to a photo yet.

    Attributes:
        hints: in pixels of the photo; without the painted strokes.
        painted: the strokes, if there are any.
        start: what they correct; see ``OpenPhoto.cut``.
    """

    hints: Hints
    painted: Painted | None
    start: Start | None

    def on(self, image_size: tuple[int, int]) -> Hints:
        """All of them on a photo of that height and width.

        Raises:
            HintError: they do not fit the photo.
        """
        try:
            hints = self.hints
            if self.painted is not None:
                hints = replace(hints, strokes=self.painted.on(image_size))
            hints.expect_within(image_size)
        except HintError as error:
            raise HintError(f"--{error}") from None
        return hints


def read_marks(options: Mapping[str, Any]) -> Marks | None:
    """What ``--keep``, ``--drop``, ``--strokes``, ``--start`` and ``--box`` mark; None for nothing.

    Raises:
        HintError: an invalid value.
        ImageError: the picture of strokes cannot be read.
        click.UsageError: there is a start, and no hint.
    """
    given = options["keep"] or options["drop"] or options["strokes"]
    if options["start"] and not (given or options["box"]):
        raise click.UsageError(
            "--start says what hints start from; add --keep, --drop, --strokes or --box."
        )
    if not (given or options["start"]):
        return None
    painted = None
    if options["strokes"]:
        photo = read_photo(options["strokes"])
        try:
            colours = photo.pixels if photo.straight is None else photo.straight
            painted = Painted.from_pixels(colours, photo.alpha)
        except HintError as error:
            raise click.UsageError(f"--strokes {options['strokes']}: {error}.") from error
    try:
        hints = Hints(options["keep"], options["drop"], box=options["box"])
    except HintError as error:
        raise VxError(f"--{error}") from None
    return Marks(hints, painted, options["start"])
