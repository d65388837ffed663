"""COCO segmentations: checked, brought to one form (compressed RLE), and decoded to masks.

pycocotools trusts what it is given: a polygon with a NaN makes it take all memory, and runs that
end too early make it return memory that it never wrote. So everything is checked before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as rle_tools

from vx_detectron.errors import DataError
from vx_detectron.rle import Rle, as_text, encode_mask
from vx_detectron.structures import ByteArray, DoubleArray, IntArray

# Polygons may leave the photo by so many pixels: annotation tools round, and count corners from
# pixel centres or from pixel edges.
_OUTSIDE = 1.0
# ... and by so much more, in pixels and as a share of the longer side, when people draw past the
# edge: this is clipped. Farther out, the polygon was drawn on another photo, or at another size.
_CLIPPED, _CLIPPED_SHARE = 4.0, 0.02


def decode_mask(segmentation: Any, height: int, width: int) -> ByteArray:
    """A COCO segmentation (polygons, RLE or compressed RLE) as uint8 (height, width), 0 or 1.

    Raises:
        DataError: see ``to_rle``.
    """
    mask: ByteArray = rle_tools.decode(to_rle(segmentation, height, width))
    return mask


def has_mask(segmentation: Any) -> bool:
    """Whether an annotation has a mask at all, right or wrong, and not only a box."""
    if isinstance(segmentation, list):
        return any(one != [] for one in segmentation)
    return segmentation is not None and segmentation != "" and segmentation != {}


def overhang(segmentation: Any, height: int, width: int) -> bool:
    """Whether polygons that ``to_rle`` takes had to be clipped to the photo."""
    if not isinstance(segmentation, list):
        return False
    limit = np.array([width, height]) + _OUTSIDE
    corners = [_numbers(polygon) for polygon in _nested(segmentation)]
    return any(bool(((one < -_OUTSIDE) | (one > limit)).any()) for one in corners)


def to_rle(segmentation: Any, height: int, width: int) -> Rle:
    """A COCO segmentation as compressed RLE of the photo's size.

    Raises:
        DataError: it is not a segmentation, its mask has another size than the photo, or it
            reaches far outside the photo; a little is clipped.
    """
    if isinstance(segmentation, list) and segmentation:
        return _from_polygons(_nested(segmentation), height, width)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise DataError("it has no mask; expected polygons, or RLE with 'size' and 'counts'")
    if segmentation["size"] != [height, width]:
        raise DataError(
            f"its mask is of size {segmentation['size']!r:.40}, its photo of [{height}, {width}] "
            "(height, width)"
        )
    counts = segmentation["counts"]
    compressed = isinstance(counts, str | bytes)
    covered = int((_compressed_runs(counts) if compressed else _plain_runs(counts)).sum())
    if covered != height * width:
        raise DataError(f"its RLE covers {covered} pixels, its photo has {height * width}")
    if compressed:
        return {"size": [height, width], "counts": counts}
    return as_text(rle_tools.frPyObjects(segmentation, height, width))


def _from_polygons(polygons: list[Any], height: int, width: int) -> Rle:
    corners = [_corners(polygon, height, width) for polygon in polygons]
    areas = [one.ravel().tolist() for one in corners if len(one) >= 3]  # fewer enclose nothing
    if not areas:
        return encode_mask(np.zeros((height, width), dtype=np.uint8))
    return as_text(rle_tools.merge(rle_tools.frPyObjects(areas, height, width)))


def _nested(polygons: list[Any]) -> list[Any]:
    """Polygons, where some programs write one flat list of numbers."""
    flat = all(type(one) in (int, float) for one in polygons)
    return [polygons] if flat and len(polygons) >= 6 else polygons


def _corners(polygon: Any, height: int, width: int) -> DoubleArray:
    """float64 (N, 2), x and y in pixels, clipped to the photo and a pixel around it."""
    corners, size = _numbers(polygon), np.array([width, height], dtype=np.float64)
    slack = max(_CLIPPED, _CLIPPED_SHARE * max(width, height))
    inside = (corners >= -slack) & (corners <= size + slack)
    if not inside.all():  # a NaN is not inside either
        x, y = corners[~inside.all(axis=1)][0]
        raise DataError(
            f"its polygon has a corner at ({x:g}, {y:g}), far outside {width} x {height}"
        )
    return corners.clip(-_OUTSIDE, size + _OUTSIDE)


def _numbers(polygon: Any) -> DoubleArray:
    """float64 (N, 2)."""
    try:
        return np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a polygon must be numbers x0, y0, x1, y1, ..., got {polygon!r:.60}"
        ) from error


def _plain_runs(counts: Any) -> IntArray:
    try:
        runs = np.asarray(counts)
        if runs.ndim == 1 and runs.dtype.kind == "i" and runs.min() >= 0:
            return runs.astype(np.int64)
    except (TypeError, ValueError):
        pass
    raise DataError(f"its RLE must count runs by whole numbers, 0 or more, got {counts!r:.60}")


def _compressed_runs(counts: str | bytes) -> IntArray:
    """The runs of COCO's compressed RLE (``rleFrString`` in cocoapi's maskApi.c).

    Five bits a character, least first, bit 5 says that more follow, and the highest of the last
    five is the sign. From the fourth run on it is the difference to the run before the last.
    """
    damaged = DataError(f"its compressed RLE is damaged: {counts!r:.60}")
    data = counts.encode() if isinstance(counts, str) else counts
    codes = np.frombuffer(data, dtype=np.uint8).astype(np.int64) - 48
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise damaged
    last = np.flatnonzero((codes & 32) == 0)
    first = np.append(0, last[:-1] + 1)
    lengths = last - first + 1
    if lengths.max() > 6:  # 30 bits: more than any photo has pixels
        raise damaged
    place = np.arange(len(codes)) - np.repeat(first, lengths)
    runs = np.add.reduceat((codes & 31) << (5 * place), first)
    runs -= ((codes[last] & 16) >> 4) << (5 * lengths)  # the sign
    for start in (1, 2):
        runs[start::2] = np.cumsum(runs[start::2])
    if runs.min() < 0:
        raise damaged
    return runs
