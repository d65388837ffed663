"""The edge of the alpha mask: redrawn at the photo's resolution, following its colours."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from vx_detectron.structures import (
    BoolArray,
    ByteArray,
    DoubleArray,
    FloatArray,
    IntArray,
    RealArray,
)

# Chosen on DUTS training photos; with larger radii the edge strays, see `sharpen`.
_RADIUS = 1  # of the guided filter's window, in pixels of the small mask
_EPS = 1e-3  # variance of colour (0..1) below which the photo shows no edge
_RAMP = 3.0  # width of the filter's own ramp in featureless places, in pixels of the small mask
_CRISP = 2.0  # width of the ramp that goes into the filter
_FLATTEST = 1e-3  # slope of the mask, per pixel, taken for a plateau
_AT_ONCE = 4096  # windows whose colours are fitted together; they stay in the processor's cache
_STRIP = 512  # rows of the photo that are worked on at a time, which bounds the memory


def sharpen(
    image: ByteArray,
    guide: ByteArray,
    mask: FloatArray,
    width: float,
    out: FloatArray | None = None,
) -> FloatArray:
    """Enlarge a mask to its photo with a crisp edge that runs along the photo's colours.

    The mask's edge is first made equally steep everywhere, so that a coarse grid leaves no blur,
    then enlarged by the fast guided filter: in each small window alpha is a linear function of
    the photo's colour (He and Sun, "Fast guided filter", 2015). Only a band of a few pixels of
    the small mask can change.

    Args:
        image: uint8 (H, W, 3), RGB.
        guide: uint8 (h, w, 3), the image at the mask's size.
        mask: float32 (h, w), 0..1, of the same view and not larger; 0.5 is the edge.
        width: of the ramp from 0 to 1 where the photo shows no edge, in pixels of the photo;
            0 for a hard edge.
        out: float32 (H, W), to be written into; by default a new array.

    Returns:
        float32 (H, W), exactly 0 and 1 beyond the band.
    """
    crisp = _crisp(mask)
    coefficients = _colour_lines(guide, crisp, _undecided(crisp, 2 * _RADIUS))
    alpha = np.empty(image.shape[:2], dtype=np.float32) if out is None else out
    cv2.resize(crisp, alpha.shape[::-1], dst=alpha, interpolation=cv2.INTER_NEAREST)
    enlarged = float(np.sqrt(alpha.size / mask.size))
    steepness = _RAMP * enlarged / max(width, 1e-6)
    for rows, columns in _pixels(_undecided(crisp, 4 * _RADIUS), alpha.shape):
        lines = _sample(coefficients, rows, columns, alpha.shape)
        colours = image[rows, columns] * np.float32(1 / 255)
        value = (lines[:, :3] * colours).sum(axis=1) + lines[:, 3]
        alpha[rows, columns] = np.clip((value - 0.5) * steepness + 0.5, 0.0, 1.0)
    return alpha


def _pixels(where: BoolArray, size: tuple[int, int]) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows and columns of a large picture's pixels that lie in a small mask, strip by strip."""
    height, width = size
    large = cv2.resize(where.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    for top in range(0, height, _STRIP):
        # Much faster on a flat array of truth values than on rows and columns.
        places = np.flatnonzero(large[top : top + _STRIP].view(np.bool_))
        if len(places):
            rows, columns = np.divmod(places, width)
            yield rows + top, columns


def _crisp(mask: FloatArray) -> FloatArray:
    """The mask with the same steepness all along its edge: value over slope is distance."""
    across = cv2.Sobel(mask, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(mask, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
    # Not cv2.magnitude: its last bit depends on where the arrays lie in memory.
    slope = np.maximum(np.sqrt(across * across + down * down), np.float32(_FLATTEST))
    ramp = (mask - np.float32(0.5)) / slope
    ramp *= np.float32(1 / _CRISP)
    ramp += np.float32(0.5)
    return np.asarray(np.clip(ramp, 0.0, 1.0, out=ramp), dtype=np.float32)


def _undecided(crisp: FloatArray, reach: int) -> BoolArray:
    """Pixels within ``reach`` of one that is not the same 0 or 1 as its neighbours."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)
    most = cv2.dilate(crisp, kernel, borderType=cv2.BORDER_REPLICATE)
    least = cv2.erode(crisp, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(most != least)


def _colour_lines(picture: ByteArray, mask: FloatArray, where: BoolArray) -> FloatArray:
    """The guided filter's averaged coefficients, float32 (h, w, 4): three factors, one offset.

    Only the windows around the pixels ``where`` are looked at; around all others the mask is the
    same everywhere, and so is its mean.
    """
    lines = np.zeros((*mask.shape, 4), dtype=np.float32)
    lines[..., 3] = mask
    flat_lines, flat_picture = lines.reshape(-1, 4), picture.reshape(-1, 3)
    places = np.flatnonzero(where)
    for some in np.array_split(places, len(places) // _AT_ONCE + 1):
        around = _neighbours(some, mask.shape)
        # Planes of (window, pixel): NumPy is slow where the last axis is short.
        colours = [flat_picture[:, c][around] * np.float32(1 / 255) for c in range(3)]
        values = mask.ravel()[around]
        means = [plane.mean(axis=0) for plane in (*colours, values)]
        offsets = [plane - mean for plane, mean in zip(colours, means[:3], strict=True)]
        variance = {
            (i, j): _mean_product(offsets[i], offsets[j]) for i in range(3) for j in range(i, 3)
        }
        factors = _solve(variance, [_mean_product(offset, values) for offset in offsets])
        for c in range(3):
            flat_lines[some, c] = factors[c]
        flat_lines[some, 3] = means[3] - sum(f * m for f, m in zip(factors, means[:3], strict=True))
    return _box(lines)


def _neighbours(places: IntArray, size: tuple[int, ...]) -> IntArray:
    """Flat positions ((2 r + 1)^2, N) in the windows around some; the border repeats itself."""
    rows, columns = np.divmod(places, size[1])
    steps = range(-_RADIUS, _RADIUS + 1)
    near_rows = [np.clip(rows + step, 0, size[0] - 1) * size[1] for step in steps]
    near_columns = [np.clip(columns + step, 0, size[1] - 1) for step in steps]
    return np.stack([row + column for row in near_rows for column in near_columns])


def _mean_product(one: FloatArray, other: FloatArray) -> DoubleArray:
    # Not einsum: its last bit depends on where the arrays lie in memory.
    return np.asarray((one * other).mean(axis=0), dtype=np.float64)


def _solve(
    variance: dict[tuple[int, int], DoubleArray], covariance: list[DoubleArray]
) -> list[DoubleArray]:
    """Solve (variance + eps) x = covariance of 3 x 3, by Cramer's rule, for N pixels at once."""
    a, d, f = (variance[i, i] + _EPS for i in range(3))
    b, c, e = variance[0, 1], variance[0, 2], variance[1, 2]
    u, v, w = covariance
    # The adjugate; it is symmetric.
    aa, ab, ac = d * f - e * e, c * e - b * f, b * e - c * d
    bb, bc, cc = a * f - c * c, b * c - a * e, a * d - b * b
    scale = 1 / (a * aa + b * ab + c * ac)
    return [
        (aa * u + ab * v + ac * w) * scale,
        (ab * u + bb * v + bc * w) * scale,
        (ac * u + bc * v + cc * w) * scale,
    ]


def _box(array: RealArray) -> FloatArray:
    side = 2 * _RADIUS + 1
    blurred = cv2.blur(array, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32)


def _sample(
    field: FloatArray, rows: IntArray, columns: IntArray, size: tuple[int, int]
) -> FloatArray:
    """Bilinear values (N, channels) of a small field at pixels of the large picture."""
    line = 1024  # OpenCV wants the points in a picture no side of which exceeds 32767
    count = -(-len(rows) // line) * line
    points: list[FloatArray] = []
    for index, small, large in (
        (columns, field.shape[1], size[1]),
        (rows, field.shape[0], size[0]),
    ):
        position = np.zeros(count, dtype=np.float32)
        position[: len(index)] = (index + 0.5) * (small / large) - 0.5
        points.append(position.reshape(-1, line))
    values = cv2.remap(
        field, points[0], points[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(values, dtype=np.float32).reshape(count, -1)[: len(rows)]
