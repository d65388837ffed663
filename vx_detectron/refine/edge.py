"""The edge of the alpha mask: redrawn at the photo's resolution, following its colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

# Chosen on DUTS training photos; with larger radii the edge strays, see `sharpen`.
_RADIUS = 1  # of the guided filter's window, in pixels of the small mask
_EPS = 1e-3  # variance of colour (0..1) below which the photo shows no edge
_RAMP = 3.0  # width of the filter's own ramp in featureless places, in pixels of the small mask
_CRISP = 2.0  # width of the ramp that goes into the filter
_FLATTEST = 1e-3  # slope of the mask, per pixel, taken for a plateau


def sharpen(image: ByteArray, mask: FloatArray, width: float) -> FloatArray:
    """Enlarge a mask to its photo with a crisp edge that runs along the photo's colours.

    The mask's edge is first made equally steep everywhere, so that a coarse grid leaves no fog,
    then enlarged by the fast guided filter: in each small window alpha is a linear function of
    the photo's colour (He and Sun, "Fast guided filter", 2015). Only a band of a few pixels of
    the small mask can change.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: float32 (h, w), 0..1, of the same view and not larger; 0.5 is the edge.
        width: of the ramp from 0 to 1 where the photo shows no edge, in pixels of the photo;
            0 for a hard edge.

    Returns:
        float32 (H, W), exactly 0 and 1 beyond the band.
    """
    crisp = _crisp(mask)
    height, width_px = image.shape[:2]
    small = cv2.resize(image, mask.shape[::-1], interpolation=cv2.INTER_AREA)
    guide = np.asarray(small, dtype=np.float32) / np.float32(255)
    coefficients = _colour_lines(guide, crisp, _undecided(crisp, 2 * _RADIUS))
    alpha = cv2.resize(crisp, (width_px, height), interpolation=cv2.INTER_NEAREST)
    near = _undecided(crisp, 4 * _RADIUS).astype(np.uint8)
    band = cv2.resize(near, (width_px, height), interpolation=cv2.INTER_NEAREST)
    rows, columns = np.nonzero(band)
    if len(rows):
        lines = _sample(coefficients, rows, columns, (height, width_px))
        colours = image[rows, columns].astype(np.float32) / 255
        value = np.einsum("nc,nc->n", lines[:, :3], colours) + lines[:, 3]
        enlarged = float(np.sqrt(image.shape[0] * image.shape[1] / mask.size))
        steepness = _RAMP * enlarged / max(width, 1e-6)
        alpha[rows, columns] = np.clip((value - 0.5) * steepness + 0.5, 0.0, 1.0)
    return np.asarray(alpha, dtype=np.float32)


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


def _colour_lines(guide: FloatArray, mask: FloatArray, where: BoolArray) -> FloatArray:
    """The guided filter's averaged coefficients, float32 (h, w, 4): three factors, one offset."""
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


def _box(array: NDArray[np.floating]) -> FloatArray:
    side = 2 * _RADIUS + 1
    blurred = cv2.blur(array, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32)


def _sample(
    field: FloatArray, rows: NDArray[np.int64], columns: NDArray[np.int64], size: tuple[int, int]
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
