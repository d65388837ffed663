"""What a training is given of one photo, after augmentation; the same for both engines."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """One augmented photo with its instances and its subject.

    Attributes:
        image: float32 (3, H, W), 0..255, in ``INPUT.FORMAT``'s channel order.
        boxes: float32 (N, 4), x0, y0, x1, y1 in the image's pixels.
        classes: int64 (N,), 0..K-1.
        masks: bool (N, H, W).
        subject: float32 (H, W), 0 background to 1 subject; -1 where nobody knows.
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
