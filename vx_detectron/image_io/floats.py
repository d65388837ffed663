"""TIFF whose samples are floating-point numbers, as 8-bit samples. OpenCV decodes it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.errors import ImageError

_BEYOND = 0.02  # share of the samples that may lie outside 0..1, as highlights do


def read_floats(data: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]] | None:
    """The samples of a TIFF's first page, its channels in the file's order.

    Args:
        data: a TIFF of 32 or 64-bit floating-point numbers, grey, RGB or RGB and one more, not in
            separate planes: of those OpenCV would make noise.

    Returns:
        uint8 (H, W) or (H, W, C), upright, 0.0 as 0 and 1.0 as 255; and a note where samples lay
        outside of that and were clipped. None where it cannot be decoded.

    Raises:
        ImageError: the samples are numbers of another range, or no numbers.
    """
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        found = None
    finally:
        cv2.utils.logging.setLogLevel(before)
    if found is None or found.dtype not in (np.float32, np.float64):
        return None
    if found.ndim == 3:
        order = cv2.COLOR_BGRA2RGBA if found.shape[2] == 4 else cv2.COLOR_BGR2RGB
        if found.dtype == np.float64:  # which cvtColor does not take
            found = found.astype(np.float32)
        found = cv2.cvtColor(found, order)
    least, most = float(found.min()), float(found.max())
    if not np.isfinite([least, most]).all():
        raise ImageError("has samples that are not numbers; save it with 8 or 16 bits")
    beyond = 0.0
    if least < 0 or most > 1:
        beyond = np.count_nonzero((found < 0) | (found > 1)) / found.size
    if beyond > _BEYOND:
        raise ImageError(
            f"has floating-point samples from {least:.4g} to {most:.4g}, expected 0 to 1; scale "
            "them, or save it with 8 or 16 bits"
        )
    notes = (f"{beyond:.1%} of its samples lie outside 0..1 and were clipped",) if beyond else ()
    found = np.clip(found, 0, 1)
    return np.rint(found * 255).astype(np.uint8), notes
