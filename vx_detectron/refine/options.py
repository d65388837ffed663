"""What the refinement does, in one frozen record; the defaults were chosen on training photos.

Every field is a key of the configuration too: ``crf_band`` is ``VX.REFINE.CRF_BAND``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_POSITIVE = ("saliency_reach", "saliency_trim", "saliency_edge", "crf_unary", "crf_sxy",
             "crf_srgb", "crf_band", "matting_band")  # fmt: skip
_FRACTIONS = ("saliency_weight", "speck_fraction")
_NOT_NEGATIVE = ("crf_compat", "hole_cells", "edge_width")


@dataclass(frozen=True)
class RefineOptions:
    """Which steps run and how strongly. A "cell" is the side of one cell of the mask head.

    Attributes:
        fuse_saliency: combine the mask with the learned saliency map, where there is one.
        dense_crf: let a DenseCRF move the uncertain edge to the photo's own edges.
        morphology: remove specks, fill pinholes; gains no IoU, but makes the number of parts more
            like the subject's.
        sharp_edge: redraw the edge at full resolution along the colours, a pixel or two wide.
        matting: solve for the alpha of hair and fur in a wider band; about doubles the time, see
            ``benchmarks/README.md``.
        saliency_weight: 0..1, the map's share in the mean of both log-odds.
        saliency_reach: how far the map may move the mask's edge outwards, in cells.
        saliency_trim: how far inwards, in cells.
        saliency_edge: the error of the map's own edge, in pixels of the map; after fusion it
            replaces the cell if it is smaller.
        crf_unary: width of the unary's logistic across the mask's edge, in cells.
        crf_band: half width of the band the CRF may change, in cells.
        crf_sxy: reach of the bilateral kernel, in cells.
        crf_srgb: reach of the bilateral kernel in colour, 0..255.
        crf_compat: strength of the bilateral kernel.
        crf_iterations: mean-field iterations.
        speck_fraction: 0..1, parts smaller than this share of the largest part are removed.
        hole_cells: holes smaller than this many cells (areas) are filled; larger ones are real.
        edge_width: width of the ramp from 0 to 1 where the photo shows no edge, in its pixels.
        matting_band: half width of the band that the matting solves, in cells after fusion.
        working_side: longest side, in pixels, at which everything but the final edge works.

    Raises:
        ValueError: a value out of its range; the message begins with the name of the field.
    """

    fuse_saliency: bool = True
    dense_crf: bool = True
    morphology: bool = True
    sharp_edge: bool = True
    matting: bool = False
    saliency_weight: float = 0.55
    saliency_reach: float = 1.0
    saliency_trim: float = 4.0
    saliency_edge: float = 2.0
    crf_unary: float = 0.25
    crf_band: float = 0.5
    crf_sxy: float = 2.0
    crf_srgb: float = 10.0
    crf_compat: float = 1.0
    crf_iterations: int = 3
    speck_fraction: float = 0.003
    hole_cells: float = 1.0
    edge_width: float = 2.0
    matting_band: float = 1.0
    working_side: int = 512

    def __post_init__(self) -> None:
        for name in (*_POSITIVE, *_FRACTIONS, *_NOT_NEGATIVE):
            self._expect(name, "a finite number", math.isfinite(getattr(self, name)))
        for name in _POSITIVE:
            self._expect(name, "above 0", getattr(self, name) > 0)
        for name in _FRACTIONS:
            self._expect(name, "within 0..1", 0 <= getattr(self, name) <= 1)
        for name in _NOT_NEGATIVE:
            self._expect(name, "0 or more", getattr(self, name) >= 0)
        self._expect("crf_iterations", "1 or more", self.crf_iterations >= 1)
        self._expect("working_side", "16 or more", self.working_side >= 16)

    def _expect(self, name: str, wanted: str, holds: bool) -> None:
        if not holds:
            raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}")
