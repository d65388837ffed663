"""Simple ways to cut out a subject, to measure the bundled model against.

Each takes a photo, uint8 (H, W, 3), RGB, and gives its mask, float32 (H, W), 0..1.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray, FloatArray

Baseline = Callable[[ByteArray], FloatArray]

_MARGIN = 0.1  # of GrabCut's box, as a share of each side
_ROUNDS = 5  # of GrabCut
_SIDE = 64  # pixels of the longer side that the spectral residual works on, as in the paper


def grabcut_box(photo: ByteArray) -> FloatArray:
    """GrabCut (Rother et al., 2004) from a centred box with a tenth of the photo on each side."""
    height, width = photo.shape[:2]
    x, y = round(width * _MARGIN), round(height * _MARGIN)
    labels = np.zeros((height, width), dtype=np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # its colour models start from random centres
    cv2.grabCut(
        np.ascontiguousarray(photo[..., ::-1]),
        labels,
        (x, y, width - 2 * x, height - 2 * y),
        *models,
        _ROUNDS,
        cv2.GC_INIT_WITH_RECT,
    )
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)


def spectral_residual(photo: ByteArray) -> FloatArray:
    """What is unusual in the log spectrum of the photo, stretched to 0..1.

    Hou, Zhang, "Saliency detection: a spectral residual approach", CVPR 2007.
    """
    height, width = photo.shape[:2]
    scale = _SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(grey.astype(np.float64))
    amplitude = np.log(np.abs(spectrum) + 1e-9)
    residual = amplitude - cv2.blur(amplitude, (3, 3))
    back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
    saliency = cv2.GaussianBlur(np.abs(back) ** 2, (0, 0), 2.5)
    stretched = (saliency - saliency.min()) / max(float(np.ptp(saliency)), 1e-12)
    whole = cv2.resize(stretched, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(whole, 0, 1), dtype=np.float32)


def largest_instance(isolator: Isolator) -> Baseline:
    """The detected thing whose mask covers most, of those that are sure enough; or nothing."""

    def cut(photo: ByteArray) -> FloatArray:
        found = isolator.detector.predict(photo)
        sure = np.flatnonzero(found.scores >= isolator.cfg.VX.SUBJECT.MIN_SCORE)
        masks = [found.soft_mask(int(index)) for index in sure]
        nothing = np.zeros(photo.shape[:2], dtype=np.float32)
        return max(masks, key=lambda mask: int((mask >= 0.5).sum()), default=nothing)

    return cut
