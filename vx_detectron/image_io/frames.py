"""The first picture that shows something, if a file has several, such as an animation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vx_detectron.image_io.colour import straighten
from vx_detectron.image_io.opening import Decoded

_MOST_FRAMES = 64  # looked at, and
_MOST_PIXELS = 400_000_000  # decoded, lest blank frames without end keep a server busy


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        colours: uint8 (H, W, 3), RGB, as ``straighten`` gives them.
        alpha: uint8 (H, W); None where everything is opaque.
        icc_profile: of the colours; None for sRGB.
        count: how many pictures the file holds.
    """

    colours: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    icc_profile: bytes | None
    count: int = 1


def first_shown(found: Decoded, notes: list[str]) -> Frame:
    """The first picture that is not blank; the first where all are, or what follows is damaged.

    Args:
        found: stands at the first picture.
        notes: receives a line on what is left out.

    Raises:
        ImageError: as ``straighten``, of the first picture.
    """
    first = Frame(*straighten(found, notes))
    if not found.data:
        return first  # a PIL image stands at the frame that is meant, and is not ours to move
    count = _count(found, notes)
    if count == 1:
        return first
    chosen, number = first, 1
    if _is_blank(first) and found.kind != "HEIF":  # which names the picture that counts
        chosen, number = _next_shown(found, first, count)
    which = f"picture {number}, the first that is not blank," if number > 1 else "the first"
    notes.append(f"only {which} of the {count} pictures in the file is used")
    return Frame(chosen.colours, chosen.alpha, chosen.icc_profile, count)


def _next_shown(found: Decoded, first: Frame, count: int) -> tuple[Frame, int]:
    width, height = found.image.size
    most = min(count, _MOST_FRAMES, _MOST_PIXELS // (width * height))
    for index in range(1, most):
        try:
            found.image.seek(index)
            if found.image.size != (width, height):
                break  # a page of its own size is not a frame, and its size was not checked
            found.image.load()
            frame = Frame(*straighten(found, []))
        except Exception:  # what comes after the first picture may be damaged in any way
            break
        if not _is_blank(frame):
            return frame, index + 1
    return first, 1


def _is_blank(frame: Frame) -> bool:
    """Whether nothing can be told apart in it: one colour, or all of it transparent."""
    if frame.alpha is not None and frame.alpha.min() != frame.alpha.max():
        return False
    if frame.alpha is not None and not frame.alpha.any():
        return True
    return bool((frame.colours == frame.colours[0, 0]).all())


def _count(found: Decoded, notes: list[str]) -> int:
    """How many pictures there are; counting a TIFF's pages moves it on, and it comes back."""
    try:
        return int(getattr(found.image, "n_frames", 1))
    except Exception:  # as above
        notes.append("what follows the first picture in the file is damaged")
        return 1
