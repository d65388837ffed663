"""From the photo to the network's input, as Detectron2 does it."""

from __future__ import annotations

import numpy as np
from fvcore.common.config import CfgNode
from PIL import Image

from vx_detectron.structures import ByteArray, FloatArray


def input_size(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """Height and width that ``ResizeShortestEdge`` gives a photo; ``shortest`` 0 keeps its own."""
    if shortest == 0:
        return height, width
    scale = shortest / min(height, width)
    new_height, new_width = (
        (float(shortest), scale * width) if height < width else (scale * height, float(shortest))
    )
    if max(new_height, new_width) > longest:
        scale = longest / max(new_height, new_width)
        new_height, new_width = new_height * scale, new_width * scale
    # A strip of a photo would round to nothing.
    return max(int(new_height + 0.5), 1), max(int(new_width + 0.5), 1)


def network_input(cfg: CfgNode, image: ByteArray, shortest: int | None = None) -> FloatArray:
    """The photo as the network expects it.

    Args:
        cfg: its INPUT node gives size and channel order.
        image: uint8 (H, W, 3), RGB.
        shortest: a short side other than ``INPUT.MIN_SIZE_TEST``, in pixels; the limit of the long
            side changes with it.

    Returns:
        float32 (3, h, w), 0..255, in ``INPUT.FORMAT``'s channel order.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"the photo must be uint8 of shape HxWx3, got {image.dtype} of shape {image.shape}"
        )
    node = cfg.INPUT
    shorter, longer = node.MIN_SIZE_TEST, node.MAX_SIZE_TEST
    if shortest is not None:
        shorter, longer = shortest, round(longer * shortest / (shorter or shortest))
    size = input_size(image.shape[0], image.shape[1], shorter, longer)
    if size != image.shape[:2]:
        resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
        image = np.asarray(resized)
    if node.FORMAT == "BGR":
        image = image[:, :, ::-1]
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
