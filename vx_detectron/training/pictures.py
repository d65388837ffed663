"""Predictions of a model in training beside the truth, as one small picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vx_detectron.image_io import write_picture
from vx_detectron.structures import ByteArray
from vx_detectron.training.validation import BoolArray, Judged

CELL = 192  # pixels
FOLDER = "predictions"


def prediction_grid(judged: Sequence[Judged]) -> ByteArray:
    """A row for each photo: itself, its true subject, the saliency map if any, and the choice.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    rows = []
    for one in judged:
        maps = (
            [one.truth, one.chosen]
            if one.saliency is None
            else [one.truth, one.saliency, one.chosen]
        )
        rows.append(np.hstack([_cell(one.pixels), *(_cell(_grey(mask)) for mask in maps)]))
    return np.vstack(rows)


def write_predictions(folder: Path, iteration: int, judged: Sequence[Judged]) -> None:
    """Write the grid as ``predictions/0000249.jpg`` below the folder."""
    (folder / FOLDER).mkdir(exist_ok=True)
    target = folder / FOLDER / f"{iteration:07d}.jpg"
    write_picture(target, prediction_grid(judged), format="jpg", quality=85)


def _grey(mask: BoolArray) -> ByteArray:
    return np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)


def _cell(pixels: ByteArray) -> ByteArray:
    """The picture fitted into a square."""
    height, width = pixels.shape[:2]
    scale = CELL / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    cell = np.full((CELL, CELL, 3), 64, dtype=np.uint8)
    top, left = (CELL - size[1]) // 2, (CELL - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    return cell
