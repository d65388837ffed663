"""A DenseCRF that moves the uncertain part of a mask's edge to the edges of the photo.

Krähenbühl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge
potentials", NeurIPS 2011. With textbook parameters it makes good masks worse; here its reach is
scaled with the cell of the mask head and its effect is confined to a band around the edge. Only the
pixels in and near that band are its nodes: the others are certain and would only cost time.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np

from vx_detectron.errors import ConfigError
from vx_detectron.refine.distance import signed_distance
from vx_detectron.structures import BoolArray, ByteArray, FloatArray, IntArray

_SURE = 1e-4  # probability left to the other label outside the band
_VOTERS = 0.5  # how far beyond the band pixels vote, in standard deviations of the kernel in space


def follow_edges(
    image: ByteArray,
    mask: FloatArray,
    cell: float,
    *,
    unary: float,
    band: float,
    sxy: float,
    srgb: float,
    compat: float,
    iterations: int,
) -> FloatArray:
    """Redraw the edge of a mask within a band, along the photo's own edges.

    Only where the mask's edge runs is used, not its softness: that is the interpolation of a
    coarse grid and says little about the photo. Lengths are in cells, see ``RefineOptions``.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: float32 (H, W), 0..1.
        cell: side of one cell of the mask head, in pixels of ``mask``.
        unary: width of the logistic that turns the signed distance into a probability.
        band: half width of the band that may change.
        sxy: standard deviation of the bilateral kernel in space.
        srgb: its standard deviation in colour, 0..255.
        compat: its strength; 0 leaves the unary alone.
        iterations: mean-field iterations.

    Returns:
        float32 (H, W), 0..1: exactly 0 or 1 outside the band, 0.5 at the new edge.

    Raises:
        ConfigError: pydensecrf cannot be imported.
    """
    densecrf = _import_densecrf()
    distance = signed_distance(mask)
    refined = (distance > 0).astype(np.float32)
    half_width = max(band * cell, 1.0)
    depth = np.abs(distance)
    uncertain = depth <= half_width
    if not uncertain.any():
        return refined
    # Those beyond the band that are near it vote too. Farther ones hardly change the result, and
    # twice as many nodes take twice the time.
    nodes = np.flatnonzero(depth <= half_width + _VOTERS * sxy * cell)
    unsure = uncertain.ravel()[nodes]
    crf = densecrf.DenseCRF(len(unsure), 2)
    crf.setUnaryEnergy(_unary_energy(distance.ravel()[nodes], unsure, unary * cell))
    crf.addPairwiseEnergy(_features(image, nodes, sxy * cell, srgb), compat)
    marginals = np.asarray(crf.inference(iterations), dtype=np.float32)
    refined[uncertain] = marginals[1][unsure]
    return np.clip(refined, 0.0, 1.0)


def _unary_energy(distance: FloatArray, unsure: BoolArray, width: float) -> FloatArray:
    """Negative log probability of both labels, float32 (2, nodes)."""
    limit = np.float32(np.log(1 / _SURE))
    sure = np.copysign(limit, distance)
    logit = np.where(unsure, np.clip(distance / np.float32(width), -limit, limit), sure)
    return np.stack([np.logaddexp(0, logit), np.logaddexp(0, -logit)])


def _features(image: ByteArray, nodes: IntArray, sxy: float, srgb: float) -> FloatArray:
    """Place and colour of each node, given flat, in units of the kernel, float32 (5, nodes)."""
    rows, columns = np.divmod(nodes, image.shape[1])
    features = np.empty((5, len(nodes)), dtype=np.float32)
    features[0], features[1] = columns / sxy, rows / sxy
    features[2:] = image.reshape(-1, 3)[nodes].T / np.float32(srgb)
    return features


@cache
def is_installed() -> bool:
    """Whether pydensecrf, of the extra ``crf``, can be imported."""
    try:
        _import_densecrf()
    except ConfigError:
        return False
    return True


def _import_densecrf() -> ModuleType:
    try:
        import pydensecrf.densecrf as densecrf
    except ImportError as error:
        raise ConfigError(
            f"the DenseCRF needs pydensecrf, which cannot be imported ({error}): install the "
            'extra, pip install "vx-detectron[crf]" (see docs/troubleshooting.md)'
        ) from error
    return densecrf  # type: ignore[no-any-return]
