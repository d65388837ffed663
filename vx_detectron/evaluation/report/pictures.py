"""A photo beside its true mask, its cut-out and the errors of its mask, as small pictures."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import cv2
import numpy as np

from vx_detectron.data.page import jpeg_uri
from vx_detectron.data.subjects import subject_mask
from vx_detectron.deliver import compose
from vx_detectron.errors import DataError, ImageError
from vx_detectron.evaluation.evaluator import THRESHOLD
from vx_detectron.evaluation.predictors import Predictor
from vx_detectron.evaluation.truths import Truths, read_annotated
from vx_detectron.structures import BoolArray, ByteArray, FloatArray

_SIDE = 240  # pixels of the longer side
_DIM = 0.35  # how bright the photo's background is left below the errors
_TOO_MUCH, _MISSING = (230, 110, 0), (40, 120, 255)  # apart for colour-blind eyes too


class Panels(NamedTuple):
    """The pictures of one photo as data URIs; or, in ``problem``, why there are none."""

    photo: str = ""
    truth: str = ""
    cutout: str = ""
    errors: str = ""
    problem: str = ""


def draw_photos(
    truths: Truths, predictor: Predictor, variant: str, names: Collection[str]
) -> dict[str, Panels]:
    """Predict some photos again, and draw what comes of it.

    An evaluation keeps no masks; which photos are worth a look is known when it is over.

    Args:
        truths: the photos.
        predictor: of their masks.
        variant: one of the predictor's ``names``.
        names: of the photos to draw.
    """
    drawn = {}
    for record in truths.records:
        name = truths.name(record)
        if name not in names:
            continue
        try:
            photo, truth = read_annotated(record), subject_mask(record).astype(np.bool_)
            drawn[name] = draw(photo, truth, predictor.predict(record, name)[variant].alpha)
        except (DataError, ImageError) as error:
            drawn[name] = Panels(problem=str(error))
    return drawn


def draw(photo: ByteArray, truth: BoolArray, alpha: FloatArray) -> Panels:
    """The four pictures of one photo.

    Args:
        photo: uint8 (H, W, 3), RGB.
        truth: bool (H, W).
        alpha: float32 (H, W), 0..1.
    """
    height, width = truth.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    alpha, true = _shrink(alpha, size), _shrink(truth.astype(np.float32), size)
    return Panels(
        photo=jpeg_uri(small),
        truth=jpeg_uri((true * 255).astype(np.uint8)),
        cutout=jpeg_uri(compose(small, alpha)),
        errors=jpeg_uri(error_map(small, true >= THRESHOLD, alpha >= THRESHOLD)),
    )


def error_map(photo: ByteArray, truth: BoolArray, predicted: BoolArray) -> ByteArray:
    """The photo in grey, dark outside both masks; orange what is too much, blue what is missing.

    Args:
        photo: uint8 (H, W, 3), RGB.
        truth: bool (H, W).
        predicted: bool (H, W).

    Returns:
        uint8 (H, W, 3), RGB.
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) * np.where(truth & predicted, 1.0, _DIM)
    errors = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    errors[predicted & ~truth] = _TOO_MUCH
    errors[truth & ~predicted] = _MISSING
    return errors


def _shrink(mask: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Float32 (h, w), 0..1: OpenCV's area average of ones exceeds one by rounding."""
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), dtype=np.float32)
