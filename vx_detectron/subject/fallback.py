"""The last resort when nothing was found: GrabCut, seeded by the saliency map."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import ByteArray, FloatArray
from vx_detectron.subject.saliency import check_rgb

_SIDE = 300  # long side of the thumbnail GrabCut works on; 400 takes twice as long for the same
_SURE_SUBJECT, _SURE_BACKGROUND = 0.9, 0.05  # saliency of the seeds GrabCut may not change
_FEWEST = 10  # pixels on either side, or colour models cannot be fitted
_ROUNDS = 3
_SEED = 0


def grabcut_fallback(image: ByteArray, saliency: FloatArray) -> FloatArray | None:
    """Cut out what is salient, without any instance.

    GrabCut (Rother, Kolmogorov, Blake, SIGGRAPH 2004; OpenCV's) on a thumbnail of 300 px: above
    0.9 of saliency the subject is sure, below 0.05 the background, and the map above or below 0.5
    is the first guess between. The same input gives the same output; OpenCV's random numbers are
    seeded for that.

    Args:
        image: uint8 (H, W, 3), RGB.
        saliency: float32 (h, w), 0..1, over the whole photo, any resolution.

    Returns:
        float32 (H, W), 1 = subject, 0 = background, in between only where the thumbnail's edge
        was enlarged. None when the photo gives GrabCut nothing to work with: a flat one, one of
        a few pixels, a map with hardly any subject or background, or a cut that leaves nothing.

    Raises:
        ValueError: the image is not uint8 RGB, or the map not two-dimensional.
    """
    check_rgb(image)
    if saliency.ndim != 2 or saliency.size == 0:
        raise ValueError(f"saliency must be of shape (h, w), got {saliency.shape}")
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    map_ = np.nan_to_num(cv2.resize(saliency, size, interpolation=cv2.INTER_LINEAR))
    seeds = _seeds(np.asarray(map_, dtype=np.float32))
    if _too_few(seeds) or int(np.ptp(small.reshape(-1, 3), axis=0).max()) == 0:
        return None
    cv2.setRNGSeed(_SEED)
    models = np.zeros((2, 1, 65), dtype=np.float64)  # OpenCV's room for its colour models
    nowhere = (0, 0, 0, 0)  # no rectangle: the labels say it all
    cut, _, _ = cv2.grabCut(
        small, seeds, nowhere, models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    if _too_few(np.asarray(cut, dtype=np.uint8)):
        return None
    inside = np.isin(cut, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    alpha = cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(alpha, dtype=np.float32)


def _seeds(saliency: FloatArray) -> ByteArray:
    """GrabCut's four labels from the map."""
    seeds = np.where(saliency > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[saliency > _SURE_SUBJECT] = cv2.GC_FGD
    seeds[saliency < _SURE_BACKGROUND] = cv2.GC_BGD
    return seeds


def _too_few(labels: ByteArray) -> bool:
    """Whether hardly a pixel is subject, or hardly one background."""
    subject = int(np.count_nonzero(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))))
    return min(subject, labels.size - subject) < _FEWEST
