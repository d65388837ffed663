"""The evidence for each pixel: the mask carried along, the eye's map, and the detector's things."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vx_detectron.engines import Eye
from vx_detectron.structures import BoolArray, ByteArray, FloatArray
from vx_detectron.video.fields import box_of, grown, logit, probability, resized
from vx_detectron.video.options import FollowOptions

Rows = tuple[int, int]


def look_around(
    eye: Eye, image: ByteArray, prior: FloatArray, options: FollowOptions
) -> tuple[FloatArray, float]:
    """The eye's map, from a look at the subject's surroundings where that shows it larger.

    Args:
        eye: looks once.
        image: uint8 (H, W, 3), RGB, the frame.
        prior: float32 (h, w), 0..1, where the subject should be.
        options: of the window.

    Returns:
        float32 (h, w), 0..1; and the share of the frame that was looked at. What lies outside of
        the window is 0.
    """
    window = _window(prior >= 0.5, options)
    if window is None:
        return resized(eye.look(image), prior.shape), 1.0
    (top, bottom), (left, right) = window
    scale_y, scale_x = image.shape[0] / prior.shape[0], image.shape[1] / prior.shape[1]
    part = image[
        math.floor(top * scale_y) : math.ceil(bottom * scale_y),
        math.floor(left * scale_x) : math.ceil(right * scale_x),
    ]
    seen = np.zeros(prior.shape, dtype=np.float32)
    seen[top:bottom, left:right] = resized(
        eye.look(np.ascontiguousarray(part)), (bottom - top, right - left)
    )
    return seen, (bottom - top) * (right - left) / prior.size


def _window(inside: BoolArray, options: FollowOptions) -> tuple[Rows, Rows] | None:
    """Rows and columns around the subject; None for the whole frame."""
    box = box_of(inside)
    if box is None:
        return None
    height, width = inside.shape
    top, bottom, left, right = box
    margin_y = options.margin * (bottom - top) + options.least_margin * height
    margin_x = options.margin * (right - left) + options.least_margin * width
    rows = max(math.floor(top - margin_y), 0), min(math.ceil(bottom + margin_y), height)
    columns = max(math.floor(left - margin_x), 0), min(math.ceil(right + margin_x), width)
    share = (rows[1] - rows[0]) * (columns[1] - columns[0]) / inside.size
    return None if share > options.whole_from else (rows, columns)


def weigh(
    prior: FloatArray,
    trust: FloatArray,
    seen: FloatArray,
    things: FloatArray,
    others: FloatArray,
    options: FollowOptions,
    confirmed: bool,
) -> FloatArray:
    """The mask of this frame, from all evidence for and against each pixel.

    Args:
        prior: float32 (h, w), 0..1, the mask of the frame before, carried along.
        trust: float32 (h, w), 0..1, of the carrying.
        seen: float32 (h, w), 0..1, the eye's map.
        things: float32 (h, w), 0..1, the subject's members as the detector drew them.
        others: float32 (h, w), 0..1, things that are not the subject.
        options: the weights.
        confirmed: whether the detector found the members lately.

    Returns:
        float32 (h, w), 0..1.
    """
    near = grown(prior >= 0.3, options.reach * prior.shape[0])
    look = logit(seen, options.look_limit)
    look = np.where(near, look, np.minimum(look, np.float32(-2)))
    weight = options.look_weight
    # Where the motion explains nothing, there is no before, and the look alone counts.
    believed = (1 - weight) * trust
    # One step of the flow is not exact: near its edge the mask carried along says nothing.
    sigma = max(options.prior_blur * prior.shape[0], 0.5)
    soft = np.asarray(cv2.GaussianBlur(prior, (0, 0), sigma), dtype=np.float32)
    before = logit(soft, options.prior_limit)
    total = believed * before + (1 - believed) * look
    if confirmed:
        total += options.thing_weight * np.maximum(logit(things, 3.0), 0)
    total -= options.other_weight * np.where(others >= 0.5, others, 0)
    return probability(np.asarray(total, dtype=np.float32))
