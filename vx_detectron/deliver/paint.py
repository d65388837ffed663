"""The background's own pixels: colours, another picture, or the photo out of focus."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vx_detectron.deliver.background import Blur, Colour, Gradient, Picture
from vx_detectron.deliver.checks import Rgb
from vx_detectron.deliver.placement import Layout
from vx_detectron.image_io.profiles import convert
from vx_detectron.structures import ByteArray, FloatArray


def paint(
    background: Colour | Gradient | Picture | Blur,
    image: ByteArray,
    alpha: FloatArray,
    layout: Layout,
    icc_profile: bytes | None = None,
) -> ByteArray:
    """The background's own pixels for a canvas.

    Args:
        background: what to paint.
        image: uint8 (H, W, 3), RGB, the photo; only ``Blur`` looks at it.
        alpha: float32 (H, W), 0..1, where the subject is; only ``Blur`` looks at it.
        layout: the canvas; a ``Picture`` is fitted to it. A blurred photo stays where it is in
            its own frame, or in a part of it, and fills any other canvas.
        icc_profile: the RGB profile that the photo is in; None means sRGB.

    Returns:
        uint8 (h, w, 3), RGB in the photo's space, of the canvas' size; to be read only.
    """
    height, width = layout.height, layout.width
    if isinstance(background, Picture):
        return _fit_picture(background, (height, width), icc_profile)
    if isinstance(background, Blur):
        sigma = background.strength / 100 * math.hypot(*alpha.shape)
        blurred = _blur_around(image, alpha, sigma)
        if layout.frame is not None:
            return blurred[layout.frame]
        return _fit_picture(Picture(blurred, icc_profile=icc_profile), (height, width), icc_profile)
    if isinstance(background, Gradient):
        return _gradient(background, (height, width), icc_profile)
    line = np.tile(_colour(background.rgb, icc_profile), (width, 1))
    return np.broadcast_to(line, (height, width, 3))


def _gradient(gradient: Gradient, size: tuple[int, int], icc_profile: bytes | None) -> ByteArray:
    """As CSS draws it: the colours are reached in the corners."""
    height, width = size
    angle = math.radians(gradient.angle)
    right, down = math.sin(angle), -math.cos(angle)
    length = abs(width * right) + abs(height * down)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) * (right / length)
    y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) * (down / length)
    # 256 levels between the colours would show as bands in neither: the eye sees less.
    at = np.rint((0.5 + y[:, None] + x[None, :]).clip(0, 1) * 1023).astype(np.uint16)
    share = np.linspace(0, 1, 1024)[:, None]
    ramp = np.array(gradient.start) * (1 - share) + np.array(gradient.end) * share
    colours = convert(np.rint(ramp).astype(np.uint8)[None], None, icc_profile)[0]
    return np.asarray(colours[at])


def _colour(rgb: Rgb, icc_profile: bytes | None) -> ByteArray:
    """A colour of sRGB in a photo's space."""
    return np.asarray(convert(np.array([[rgb]], dtype=np.uint8), None, icc_profile)[0, 0])


def _fit_picture(picture: Picture, size: tuple[int, int], icc_profile: bytes | None) -> ByteArray:
    """The picture scaled, in its own proportions, and centred in (height, width)."""
    height, width = size
    own_height, own_width = picture.pixels.shape[:2]
    ratios = height / own_height, width / own_width
    if picture.fit == "cover":
        # Cut first: what sticks out is never enlarged.
        scale = max(ratios)
        cut = _centred(picture.pixels, height / scale, width / scale)
        return convert(_scaled(cut, size), picture.icc_profile, icc_profile)
    scale = min(ratios)
    inner = (max(round(own_height * scale), 1), max(round(own_width * scale), 1))
    canvas = np.full((height, width, 3), _colour(picture.bars, icc_profile), dtype=np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    shown = convert(_scaled(picture.pixels, inner), picture.icc_profile, icc_profile)
    canvas[top : top + inner[0], left : left + inner[1]] = shown
    return canvas


def _centred(pixels: ByteArray, height: float, width: float) -> ByteArray:
    rows, columns = max(round(height), 1), max(round(width), 1)
    top, left = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def _scaled(pixels: ByteArray, size: tuple[int, int]) -> ByteArray:
    shrinking = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (size[1], size[0]), interpolation=method))


def _blur_around(image: ByteArray, alpha: FloatArray, sigma: float) -> ByteArray:
    """Blur what is not the subject: blur(image * (1 - alpha)) / blur(1 - alpha).

    Without those weights the subject's colours would glow around it.
    """
    height, width = alpha.shape
    shrink = min(1.0, 3.0 / sigma)  # a wide blur is smooth: a small picture holds all of it
    small = (max(round(width * shrink), 1), max(round(height * shrink), 1))
    free = 255 - np.rint(alpha * 255).astype(np.uint8)
    free_rgb = cv2.merge([free, free, free])
    weighted = cv2.multiply(image, free_rgb, scale=1 / 255)
    colours = cv2.resize(weighted, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    weights = cv2.resize(free, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    # Where no background is near, its mean over the photo stands in.
    mean = colours.sum(axis=(0, 1)) / max(float(weights.sum()), 1e-6)
    small_sigma = sigma * shrink
    far_colours = cv2.GaussianBlur(colours, (0, 0), small_sigma) + 1e-4 * mean
    far_weights = cv2.GaussianBlur(weights, (0, 0), small_sigma)[..., None] + 1e-4
    blurred = np.clip(np.rint(far_colours / far_weights), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))
