"""A cut corrected by hints, or made from nothing but hints, at the photo's full size."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from vx_detectron.interactive.enlarge import enlarge
from vx_detectron.interactive.hints import Hints
from vx_detectron.interactive.marks import draw, obey
from vx_detectron.interactive.session import HintSession
from vx_detectron.refine.matting import matte
from vx_detectron.refine.options import RefineOptions
from vx_detectron.structures import ByteArray, FloatArray, Instances

_COARSE = 0.02  # of the long side: how well an edge is known where there is no eye


@dataclass(frozen=True)
class Cut:
    """A cut that hints correct.

    Attributes:
        name: the same for the same cut, see ``HintSession.listen``.
        small: float32 (h, w), 0..1, at the session's size.
        alpha: float32 (H, W), 0..1, the same at the photo's size.
        steps: how it was refined.
    """

    name: Hashable
    small: FloatArray
    alpha: FloatArray
    steps: tuple[str, ...]


def correct(
    photo: ByteArray,
    session: HintSession,
    instances: Instances,
    hints: Hints,
    options: RefineOptions,
    before: Cut | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """The mask after the hints, starting from a cut or from nothing.

    Args:
        photo: uint8 (H, W, 3), RGB, at the size of the result.
        session: what the photo's hints have made so far.
        instances: what was found in the photo; hints are in pixels of its size.
        hints: at least one.
        options: how wide an edge is, and whether it is matted.
        before: the cut to correct; None for none.
        check: called between the steps; whatever it raises ends the work.

    Returns:
        float32 (H, W), 0..1, in which marked pixels are as they were marked; and the steps that
        ran.
    """
    start, name = (None, None) if before is None else (before.small, before.name)
    mask = session.listen(hints, start, name, check)
    both = None if before is None else (before.small, before.alpha)
    width = options.edge_width if options.sharp_edge else 0.0
    alpha = enlarge(photo, session.image, mask, width, both)
    steps = before.steps if before is not None else ("sharp edge",) * options.sharp_edge
    if options.matting:
        alpha, step = matte(photo, alpha, options.matting_band * _cell(instances, alpha), check)
        steps = (*steps, step)
    size = alpha.shape[0], alpha.shape[1]
    obey(alpha, *draw(hints, instances.image_size, size, check))
    return alpha, steps


def _cell(instances: Instances, alpha: FloatArray) -> float:
    """How finely the edge is known where hints moved it, in pixels of the result."""
    if instances.saliency is None:
        return _COARSE * float(max(alpha.shape))
    return 2.0 * float(alpha.shape[0]) / float(instances.saliency.shape[0])
