"""Photos with annotations for the tests of training: an ellipse in every box."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vx_detectron.modeling.samples import Sample


def ellipse(box: tuple[float, float, float, float], size: tuple[int, int]) -> Tensor:
    """Bool (H, W): the ellipse that fills the box."""
    x0, y0, x1, y1 = box
    y, x = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    across = (2 * x - x0 - x1) / (x1 - x0)
    down = (2 * y - y0 - y1) / (y1 - y0)
    return across**2 + down**2 <= 1


def annotated(
    photo: NDArray[np.uint8],
    size: tuple[int, int],
    boxes: list[tuple[float, float, float, float]],
    classes: list[int],
    complete: bool = True,
) -> Sample:
    """The photo at (height, width) with its boxes; the first is the subject.

    Without boxes nobody knows what the subject is. A strip along the lower edge is unknown too.
    """
    pixels = np.asarray(Image.fromarray(photo).resize(size[::-1]))[:, :, ::-1].copy()
    masks = [ellipse(box, size) for box in boxes]
    subject = torch.full(size, -1.0)
    if masks:
        subject = masks[0].float()
        subject[-7:] = -1.0
    return Sample(
        image=torch.from_numpy(pixels).permute(2, 0, 1).float(),
        boxes=torch.tensor(boxes).reshape(-1, 4),
        classes=torch.tensor(classes, dtype=torch.int64),
        masks=torch.stack(masks) if masks else torch.zeros(0, *size, dtype=torch.bool),
        subject=subject,
        complete=complete,
        file_name="photo.jpg",
        image_id=1,
    )


def street(photo: NDArray[np.uint8], complete: bool = True) -> Sample:
    """Four things in 128 x 160: two overlap, one is tiny, one is cut by the frame."""
    boxes = [(20.0, 30.5, 90.0, 120.0), (60.0, 40.0, 130.25, 100.0),
             (100.0, 8.0, 109.0, 19.0), (120.0, 70.0, 160.0, 128.0)]  # fmt: skip
    return annotated(photo, (128, 160), boxes, [0, 2, 3, 1], complete)


def portrait(photo: NDArray[np.uint8], complete: bool = True) -> Sample:
    """One thing in 150 x 101."""
    return annotated(photo, (150, 101), [(12.0, 20.0, 95.0, 140.0)], [2], complete)


def landscape(photo: NDArray[np.uint8], complete: bool = True) -> Sample:
    """Nothing in 96 x 120."""
    return annotated(photo, (96, 120), [], [], complete)
