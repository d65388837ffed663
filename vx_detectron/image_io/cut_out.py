"""A picture that is already cut out: its pieces are the subject, whatever a network says.

Transparency alone does not make a cut-out. A photo with round corners, in a circle or on a slant
has transparent parts as well, and so has one with a hole; what is left of those is a scene.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

# Share of transparent pixels between which a picture is a cut-out, in 0..1.
_LEAST_CLEAR, _MOST_CLEAR = 0.05, 0.999
_BORDER = 0.5  # share of the picture's border that a cut-out leaves clear, at least
_CONVEX = 0.95  # share of its convex hull from which a piece may be a window onto a photo
_CRUMB = 0.05  # of the largest piece: what is smaller belongs to the piece beside it
_PICKED = 0.1  # share of a piece from which a mask means that piece


def is_cut_out(alpha: ByteArray) -> bool:
    """Whether so much is transparent that the rest may be a subject that was cut out.

    Args:
        alpha: uint8 (H, W).
    """
    clear = 1.0 - float(visible(alpha).mean())
    return _LEAST_CLEAR <= clear <= _MOST_CLEAR


def visible(alpha: ByteArray) -> NDArray[np.bool_]:
    """What is more there than not, bool (H, W); what is nowhere opaque is as good as that."""
    return np.asarray(alpha >= max((int(alpha.max()) + 1) // 2, 1))


def whole_pieces(alpha: ByteArray, mask: FloatArray) -> FloatArray | None:
    """The mask, grown to the whole of each piece of a cut-out that it means.

    Args:
        alpha: uint8 (H, W), the picture's own.
        mask: float32 (H, W), 0..1, what a network takes for the subject; nowhere above ``alpha``.

    Returns:
        float32 (H, W), 0..1: the picture's own alpha in those pieces, and the mask elsewhere; None
        where the picture is no cut-out, or every piece may well be a window onto a photo.
    """
    shown = visible(alpha)
    if not is_cut_out(alpha) or _border(shown) > 1.0 - _BORDER:
        return None
    count, found, facts, _ = cv2.connectedComponentsWithStats(shown.astype(np.uint8))
    labels = np.asarray(found, dtype=np.int32)
    areas = facts[:, cv2.CC_STAT_AREA]
    main = [one for one in range(1, count) if areas[one] >= _CRUMB * areas[1:].max()]
    picked = np.bincount(labels[mask >= alpha.max() / 510], minlength=count)
    whole = [
        one
        for one in main
        if picked[one] >= _PICKED * areas[one] and not _is_convex(labels == one, int(areas[one]))
    ]
    if not whole:
        return None
    own = alpha.astype(np.float32) / np.float32(255)
    if len(whole) == len(main):
        return own
    return np.where(np.isin(_nearest(labels, main), whole), own, mask)


def _border(shown: NDArray[np.bool_]) -> float:
    """The share of the picture's outermost pixels that are visible."""
    return float(np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]]).mean())


def _is_convex(piece: NDArray[np.bool_], area: int) -> bool:
    contours, _ = cv2.findContours(
        piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    hull = cv2.convexHull(np.concatenate(contours))
    canvas = cv2.fillConvexPoly(np.zeros(piece.shape, np.uint8), hull, 1)
    return bool(area >= _CONVEX * np.count_nonzero(canvas))


def _nearest(labels: NDArray[np.int32], main: list[int]) -> NDArray[np.int32]:
    """Of each pixel the main piece that is nearest."""
    inside = np.isin(labels, main)
    _, places = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP
    )
    piece_of = np.zeros(int(places.max()) + 1, np.int32)
    piece_of[places[inside]] = labels[inside]
    return np.asarray(piece_of[places], dtype=np.int32)
