"""Instances as outlines that a page can draw and click: SVG paths in pixels of the photo."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import Instances

_SIDE = 640  # the longest side at which masks are traced
_SIMPLIFY = 0.6  # pixels at that size that an outline may err


def outline(instances: Instances, index: int) -> str:
    """One instance's outline, from a soft mask of 0.5 up.

    Returns:
        The ``d`` of an SVG path, closed, holes included (``fill-rule: evenodd``); empty where the
        mask nowhere reaches 0.5.
    """
    height, width = instances.image_size
    scale = min(1.0, _SIDE / max(height, width))
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    mask = (instances.soft_mask(index, size) >= 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # A contour runs through the centres of its pixels.
    factors = np.array([width / size[1], height / size[0]])
    paths = []
    for contour in contours:
        points = cv2.approxPolyDP(contour, _SIMPLIFY, closed=True)[:, 0]
        if len(points) > 2:
            corners = np.rint((points + 0.5) * factors).astype(int)
            paths.append("M" + "L".join(f"{x} {y}" for x, y in corners) + "Z")
    return "".join(paths)
