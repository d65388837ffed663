"""The edge of the alpha mask: redrawn at the photo's resolution, following its colours."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from vx_detectron.structures import BoolArray, ByteArray, FloatArray, IntArray, RealArray

# Chosen on DUTS training photos; with larger radii the edge strays, see `sharpen`.
_RADIUS = 1  # of the guided filter's window, in pixels of the small mask
_EPS = 1e-3  # variance of colour (0..1) below which the photo shows no edge
_RAMP = 3.0  # width of the filter's own ramp in featureless places, in pixels of the small mask
_CRISP = 2.0  # width of the ramp that goes into the filter
_FLATTEST = 1e-3  # slope of the mask, per pixel, taken for a plateau
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
        value = np.einsum("nc,nc->n", lines[:, :3], colours) + lines[:, 3]
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
    slope = np.maximum(np.hypot(across, down), _FLATTEST)
    ramp = np.clip(0.5 + (mask - 0.5) / slope / _CRISP, 0.0, 1.0)
    return np.asarray(ramp, dtype=np.float32)


def _undecided(crisp: FloatArray, reach: int) -> BoolArray:
    """Pixels within ``reach`` of one that is not the same 0 or 1 as its neighbours."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)
    most = cv2.dilate(crisp, kernel, borderType=cv2.BORDER_REPLICATE)
    least = cv2.erode(crisp, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(most != least)


def _colour_lines(picture: ByteArray, mask: FloatArray, where: BoolArray) -> FloatArray:
    """The guided filter's averaged coefficients, float32 (h, w, 4): three factors, one offset."""
    guide = picture * np.float32(1 / 255)
    mean, mean_mask = _box(guide), _box(mask)
    covariance = (_box(guide * mask[..., None]) - mean * mean_mask[..., None])[where]
    variance = np.empty((len(covariance), 3, 3), dtype=np.float32)
    for i in range(3):
        products = _box(guide * guide[..., i : i + 1]) - mean * mean[..., i : i + 1]
        variance[:, i] = products[where]
    variance += _EPS * np.eye(3, dtype=np.float32)
    lines = np.zeros((*mask.shape, 4), dtype=np.float32)
    lines[..., 3] = mean_mask
    factors = np.linalg.solve(variance, covariance[..., None])[..., 0]
    lines[where, :3] = factors
    lines[where, 3] -= np.einsum("nc,nc->n", factors, mean[where])
    return _box(lines)


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
