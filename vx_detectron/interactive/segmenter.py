"""THE INTERFACE: what interprets hints. A network and a graph cut implement the same protocols."""

from __future__ import annotations

from typing import Protocol

from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances


class Segmentation(Protocol):
    """One photo, seen once, and asked as often as a person marks something.

    Attributes:
        nbytes: what it holds in memory, nearly.
    """

    nbytes: int

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        """What the person means.

        Nothing of an earlier call may change the answer: the same arguments give the same mask.

        Args:
            keep: bool (H, W), the size of the image that was opened: marked as part of it. A point
                is one pixel.
            drop: bool (H, W), marked as no part of it, nowhere where ``keep`` is. At least one
                pixel of the two is marked, or ``previous`` is given.
            previous: float32 (H, W), 0..1: the cut so far, which these marks correct; None where
                there is none.

        Returns:
            float32 (H, W), probability 0..1 that a pixel belongs to what is meant; 0.5 is the
            edge. Marked pixels need not come out as they were marked: the caller sees to it.
        """
        ...


class InteractiveSegmenter(Protocol):
    """What finds out what a person means by a few marks; loaded once, for any number of photos.

    Attributes:
        name: as results tell it: ``network`` or ``graph cut``.
    """

    name: str

    def open(self, image: ByteArray, instances: Instances | None) -> Segmentation:
        """Look at a photo; the slow part, done once.

        Args:
            image: uint8 (H, W, 3), RGB, about a megapixel at most.
            instances: what is known of the photo already, the eye's map included; in pixels of
                ``instances.image_size``, the photo itself. None where nothing is.
        """
        ...
