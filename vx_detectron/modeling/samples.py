"""What a training step is given of a photo, and the part of it that the detector learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vx_detectron.errors import DataError
from vx_detectron.modeling import boxes as box_ops


@dataclass(frozen=True)
class Sample:
    """One augmented photo with its instances and its subject.

    Attributes:
        image: float32 (3, H, W), 0..255, in ``INPUT.FORMAT``'s channel order.
        boxes: float32 (N, 4), x0, y0, x1, y1 in the image's pixels.
        classes: int64 (N,), 0..K-1; -1 for things of no class, which no detector is given.
        masks: bool (N, H, W).
        subject: float32 (H, W), 0 background to 1 subject; -1 where unknown.
        complete: whether every object of every class is annotated. Where it is not, what is not
            annotated is unknown, not background.
        file_name: the photo's path, for messages.
        image_id: its number in the annotations.
    """

    image: Tensor
    boxes: Tensor
    classes: Tensor
    masks: Tensor
    subject: Tensor
    complete: bool
    file_name: str
    image_id: int


def photos_of(
    samples: Sequence[Sample], channels: str, device: torch.device, multiple: int
) -> Tensor:
    """The photos as one batch for an eye: float32 (N, 3, H, W), RGB, 0..1; 0 beyond a photo.

    Args:
        samples: of any sizes.
        channels: the order of their images, ``BGR`` or ``RGB``.
        device: to put it on.
        multiple: of which both sides are.
    """
    images = stacked([sample.image.to(device) for sample in samples], 0.0, multiple) / 255
    return images.flip(1) if channels == "BGR" else images


def stacked(images: Sequence[Tensor], value: float, multiple: int) -> Tensor:
    """One batch (N, C, H, W), filled up to multiples of some pixels to the right and below."""
    height, width = (
        -(-max(image.shape[axis] for image in images) // multiple) * multiple for axis in (1, 2)
    )
    batch = images[0].new_full((len(images), len(images[0]), height, width), value)
    for slot, image in zip(batch, images, strict=True):
        slot[:, : image.shape[1], : image.shape[2]] = image
    return batch


class Target(NamedTuple):
    """What the detector should find in one photo, on the network's device; see ``Sample``."""

    boxes: Tensor
    classes: Tensor
    masks: Tensor
    complete: bool


def target_of(sample: Sample, num_classes: int, device: torch.device) -> Target:
    """The detector's part of a sample.

    Raises:
        DataError: a box without an area, or a class that the network does not have.
    """
    if not box_ops.nonempty(sample.boxes).all():
        raise DataError(
            f"{sample.file_name}: every box must have an area, got {sample.boxes.tolist()}; "
            "leave out what augmentation has cut away"
        )
    if not ((sample.classes >= 0) & (sample.classes < num_classes)).all():
        raise DataError(
            f"{sample.file_name}: classes must be 0..{num_classes - 1}, got "
            f"{sample.classes.tolist()}; set MODEL.ROI_HEADS.NUM_CLASSES to that of the data"
        )
    return Target(
        sample.boxes.to(device),
        sample.classes.to(device),
        sample.masks.to(device),
        sample.complete,
    )
