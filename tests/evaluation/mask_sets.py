"""Small sets of photos with true and predicted masks, written to a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from coco_files import disc
from numpy.typing import NDArray
from PIL import Image

SIZE = (48, 64)
RADII = (8, 12, 16, 20)


def disc_masks(radii: Sequence[float] = RADII, shift: float = 0) -> list[NDArray[np.bool_]]:
    """A disc a photo, bool (48, 64)."""
    return [disc(*SIZE, 32 + shift, 24, radius) > 0 for radius in radii]


def write_masks(folder: Path, masks: Sequence[NDArray[np.bool_]]) -> Path:
    """``0.png``, ``1.png``, ...: white where a mask is."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number}.png")
    return folder


def write_set(
    folder: Path, photo: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]]
) -> tuple[Path, Path]:
    """Folders of photos (pieces of one, as JPEG) and of masks."""
    images = folder / "images"
    images.mkdir(parents=True)
    for number, mask in enumerate(masks):
        height, width = mask.shape
        piece = photo[10 * number : 10 * number + height, 20 : 20 + width]
        Image.fromarray(piece).save(images / f"{number}.jpg")
    return images, write_masks(folder / "masks", masks)
