"""Small scenes written out by hand, whose right answer anybody can see."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.structures import Instances

Box = tuple[float, float, float, float]
Thing = tuple[str, Box, float]  # class, box in pixels, detection score

HEIGHT, WIDTH = 200, 300
CLASSES = ("person", "horse", "dog", "skateboard", "dining table")

DOG: Thing = ("dog", (100, 50, 200, 150), 0.95)  # the middle of the photo
CORNER_PERSON: Thing = ("person", (2, 2, 22, 42), 0.90)


def instances(
    things: Sequence[Thing],
    saliency: NDArray[np.float32] | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    grid: int = 28,
) -> Instances:
    """Instances whose masks fill their boxes."""
    return Instances(
        image_size=size,
        boxes=np.array([box for _, box, _ in things], dtype=np.float32).reshape(-1, 4),
        scores=np.array([score for _, _, score in things], dtype=np.float32),
        classes=np.array([CLASSES.index(label) for label, _, _ in things], dtype=np.int64),
        mask_grids=np.ones((len(things), grid, grid), dtype=np.float32),
        class_names=CLASSES,
        saliency=saliency,
    )


def salient(
    *boxes: Box, size: tuple[int, int] = (HEIGHT, WIDTH), shrink: int = 2
) -> NDArray[np.float32]:
    """A saliency map that is 1 in the boxes (in pixels of the photo) and 0 elsewhere."""
    values = np.zeros((size[0] // shrink, size[1] // shrink), dtype=np.float32)
    for x0, y0, x1, y1 in boxes:
        values[int(y0) // shrink : int(y1) // shrink, int(x0) // shrink : int(x1) // shrink] = 1
    return values


def blank(size: tuple[int, int] = (HEIGHT, WIDTH)) -> NDArray[np.uint8]:
    """A photo of that size; what it shows does not matter where there is a saliency map."""
    return np.zeros((*size, 3), dtype=np.uint8)


def disc_on_grass(size: tuple[int, int] = (120, 160)) -> NDArray[np.uint8]:
    """A red disc, radius a quarter of the height, in the middle of a noisy green photo."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-10, 11, (*size, 3))
    picture = np.clip(np.array([40, 150, 50]) + noise, 0, 255).astype(np.uint8)
    cv2.circle(picture, (size[1] // 2, size[0] // 2), size[0] // 4, (210, 30, 30), -1)
    return picture


def disc_mask(size: tuple[int, int] = (120, 160)) -> NDArray[np.bool_]:
    """The disc of ``disc_on_grass``."""
    y, x = np.mgrid[: size[0], : size[1]]
    return (y - size[0] // 2) ** 2 + (x - size[1] // 2) ** 2 <= (size[0] // 4) ** 2
