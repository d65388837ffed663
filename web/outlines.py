"""Instances as outlines that a page can draw and click: SVG paths in pixels of the photo."""

from __future__ import annotations

import cv2
import numpy as np

from vx_detectron.structures import Instances

_SIDE = 640  # the longest side at which masks are traced
_SMALL = 96  # the longest side at which masks are compared
_HELD = 0.7  # share of a thing that lies in the whole shape of it
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


def held_thing(instances: Instances, index: int) -> int | None:
    """The thing that a region is the whole shape of: the largest that lies in it for the most part.

    Returns:
        Its position in ``instances``; None for a thing, and for a region that holds none.
    """
    if not instances.is_region[index]:
        return None
    height, width = instances.image_size
    scale = min(1.0, _SMALL / max(height, width))
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    whole = instances.soft_mask(index, size) >= 0.5
    best, most = None, 0
    for other in range(len(instances)):
        if instances.is_region[other]:
            continue
        thing = instances.soft_mask(other, size) >= 0.5
        area = int(thing.sum())
        if area > most and (thing & whole).sum() >= _HELD * area:
            best, most = other, area
    return best
