"""From a soft mask to an alpha mask: fuse, follow the photo's edges, clean, sharpen, matte.

Each step is a function of arrays in its own module and can be switched off in `RefineOptions`.
All of them work on the subject's surroundings at a bounded size; only the last two return to
the photo's full resolution.
"""

from __future__ import annotations

from vx_detectron.refine.dense_crf import follow_edges
from vx_detectron.refine.edge import sharpen
from vx_detectron.refine.fusion import fuse
from vx_detectron.refine.matting import matte
from vx_detectron.refine.morphology import clean
from vx_detectron.refine.options import RefineOptions
from vx_detectron.refine.steps import refine

__all__ = ["RefineOptions", "clean", "follow_edges", "fuse", "matte", "refine", "sharpen"]
