"""Masks as COCO's compressed run-length code, the form in which they travel through json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from vx_detectron.structures import BoolArray, ByteArray


class Rle(TypedDict):
    """A mask in compressed run-length code.

    Attributes:
        size: height and width, in pixels.
        counts: the runs, as text.
    """

    size: list[int]
    counts: str


def encode_mask(mask: ByteArray | BoolArray) -> Rle:
    """A mask (H, W), 0 or 1, as compressed RLE.

    >>> import numpy as np
    >>> encode_mask(np.eye(2, dtype=np.uint8))
    {'size': [2, 2], 'counts': '0120'}
    """
    return as_text(_tools().encode(np.asfortranarray(mask, dtype=np.uint8)))


def merge_masks(rles: Sequence[Rle]) -> Rle:
    """The union of masks of one size."""
    return as_text(_tools().merge(rles))


def mask_area(rle: Rle) -> int:
    """How many pixels the mask covers."""
    return int(_tools().area(rle))


def mask_box(rle: Rle) -> list[float]:
    """Its box as COCO has it: x, y, width, height, in pixels."""
    box: list[float] = _tools().toBbox(rle).tolist()
    return box


def as_text(rle: Any) -> Rle:
    """What pycocotools returns, with its counts as text and its size as plain numbers."""
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def _tools() -> Any:
    from pycocotools import mask  # here, since most cut-outs are never written as json

    return mask
