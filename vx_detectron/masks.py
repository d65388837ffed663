"""Soft instance masks: from the mask head's grid in a box to the photo's pixels. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def paste_mask(
    grid: FloatArray, box: FloatArray, image_size: tuple[int, int], *, hold_border: bool = False
) -> FloatArray:
    """Resample one mask-head grid into the photo, bilinearly and with sub-pixel boxes.

    The same function as Detectron2's ``paste_masks_in_image`` before its threshold: pixel
    centres are mapped into the box, samples outside the grid are zero.

    Args:
        grid: float32 (M, M), probabilities 0..1, the mask in its box.
        box: float32 (4,), x0, y0, x1, y1 in pixels of the photo.
        image_size: height and width of the photo, in pixels.
        hold_border: where the box ends at the photo's border, go on with the outermost cell's
            value instead of fading to zero: what the frame cuts off has no edge there.

    Returns:
        float32 (height, width), probabilities 0..1, zero outside the box's reach.
    """
    height, width = image_size
    rows, top = _sampling_weights(box[1], box[3], grid.shape[0], height, hold_border)
    columns, left = _sampling_weights(box[0], box[2], grid.shape[1], width, hold_border)
    pasted = np.zeros(image_size, dtype=np.float32)
    patch = rows @ grid.astype(np.float32) @ columns.T
    pasted[top : top + len(rows), left : left + len(columns)] = patch
    return pasted


# Boxes that end this near to the photo's border, in pixels, are taken to end at it.
_AT_BORDER = 1.0


def _sampling_weights(
    start: float, end: float, cells: int, pixels: int, hold_border: bool
) -> tuple[FloatArray, int]:
    """Bilinear weights (covered pixels, cells) along one axis, and the first covered pixel."""
    start, end = float(start), float(end)
    if not end > start:
        return np.zeros((0, cells), dtype=np.float32), 0
    reach = 0.5 * (end - start) / cells  # half a cell beyond the box still sees its border cell
    first = min(max(int(np.floor(start - reach)), 0), pixels)
    last = min(max(int(np.ceil(end + reach)), first), pixels)
    centres = np.arange(first, last, dtype=np.float64) + 0.5
    position = (centres - start) / (end - start) * cells - 0.5
    if hold_border and start < _AT_BORDER:
        position = np.maximum(position, 0.0)
    if hold_border and end > pixels - _AT_BORDER:
        position = np.minimum(position, cells - 1.0)
    distance = np.abs(position[:, None] - np.arange(cells)[None, :])
    return np.maximum(1.0 - distance, 0.0).astype(np.float32), first
