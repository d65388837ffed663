"""THE INTERFACE: what interprets hints. A network and a graph cut implement the same protocols."""

from __future__ import annotations

from typing import Protocol

from vx_detectron.structures import BoolArray, ByteArray, FloatArray, Instances


class Segmentation(Protocol):
    """One opened photo, asked each time a person marks something.

    Attributes:
        nbytes: approximate size in memory, in bytes.
    """

    nbytes: int

    def segment(self, keep: BoolArray, drop: BoolArray, previous: FloatArray | None) -> FloatArray:
        """Segment what the person means.

        Earlier calls must not change the result: the same arguments give the same mask.

        Args:
            keep: bool (H, W), the size of the image that was opened: marked as part of it. A point
                is one pixel.
            drop: bool (H, W), marked as no part of it, nowhere where ``keep`` is. At least one
                pixel of the two is marked, or ``previous`` is given.
            previous: float32 (H, W), 0..1: the cut so far, which these marks correct; None where
                there is none.

        Returns:
            float32 (H, W), probability 0..1 that a pixel belongs to what is meant; 0.5 is the
            edge. The mask need not agree with the marks: the caller enforces them.
        """
        ...


class InteractiveSegmenter(Protocol):
    """Finds out what a person means by a few marks; loaded once, for any number of photos.

    Attributes:
        name: as in results: ``network`` or ``graph cut``.
        redraws: whether its answer to a further mark may change all of a mask that marks alone have
            made. Otherwise, as where a cut is corrected, only the parts change that the mark
            touches.
    """

    name: str
    redraws: bool

    def open(self, image: ByteArray, instances: Instances | None) -> Segmentation:
        """Open a photo; the slow part, done once.

        Args:
            image: uint8 (H, W, 3), RGB, about a megapixel at most.
            instances: what was found in the photo, including the eye's map; in pixels of
                ``instances.image_size``, the photo itself. None where nothing is.
        """
        ...
