"""From a photo and its alpha to the requested picture file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vx_detectron.deliver import BLACK, Background, compose_photo, mask_picture
from vx_detectron.deliver.compose import AS_IT_IS
from vx_detectron.deliver.edge import Edge
from vx_detectron.deliver.mark import Mark
from vx_detectron.deliver.placement import Layout, Placement, lay_out
from vx_detectron.deliver.shadow import Shadow
from vx_detectron.image_io import Photo, PictureFormat, write_picture
from vx_detectron.image_io.names import Writable
from vx_detectron.image_io.writing import QUICK
from vx_detectron.structures import ByteArray, FloatArray

_UNMOVED = Edge()


@dataclass(frozen=True)
class Finish:
    """What the picture shows and how it is written.

    Attributes:
        format: ``png``, ``jpg``, ``webp`` or ``tiff``.
        quality: 1..100, of jpg and webp.
        background: what is behind the subject.
        mask_only: write alpha as a grey picture instead.
        crop: cut the picture to the subject's box and ``margin``.
        margin: space around the subject, as a share of its longer side.
        compression: 0..9, of png; see ``write_picture``.
        placement: the canvas, and the subject's size and place on it.
        shadow: the shadow that the subject casts on the background, if any.
        edge: how the edge is moved and softened.
        decontaminate: 0..1, how much of the old background's colour to remove from the edge.
    """

    format: PictureFormat = "png"
    quality: int = 95
    background: Background = BLACK
    mask_only: bool = False
    crop: bool = False
    margin: float = 0.05
    compression: int = QUICK
    placement: Placement = AS_IT_IS
    shadow: Shadow | None = None
    edge: Edge = _UNMOVED
    decontaminate: float = 1.0

    def edged(self, photo: Photo, alpha: FloatArray) -> FloatArray:
        """Alpha with its edge as asked for; nowhere more opaque than the photo itself."""
        moved = self.edge.apply(alpha)
        if moved is alpha or photo.alpha is None:
            return moved
        return np.minimum(moved, photo.alpha / np.float32(255))

    def layout(self, alpha: FloatArray) -> Layout:
        """The canvas and the photo's place on it, for an alpha that is ``edged``."""
        return lay_out(alpha, self.placement, self.crop, self.margin)

    def write(
        self, target: Writable, photo: Photo, alpha: FloatArray, mark: Mark | None = None
    ) -> None:
        """Write the picture; colours keep the photo's profile, and all its density.

        Args:
            target: a path in an existing folder, or a binary stream.
            photo: the photo that was cut.
            alpha: float32 (H, W), 0..1, of the photo's size.
            mark: which photo the result belongs to, to be written into it.

        Raises:
            ImageError: the format cannot store the picture, or it cannot be written.
            ValueError: a crop beside a canvas.
        """
        alpha = self.edged(photo, alpha)
        if self.mask_only:
            _, share = self.layout(alpha).carry(photo.pixels, alpha)
            pixels = mask_picture(share)
        else:
            pixels = self.picture(photo, alpha)
        write_picture(
            target,
            pixels,
            format=self.format,
            icc_profile=None if self.mask_only else photo.icc_profile,
            dpi=photo.dpi,
            quality=self.quality,
            compression=self.compression,
            software=None if mark is None else str(mark),
        )

    def picture(
        self, photo: Photo, alpha: FloatArray, background: Background | None = None
    ) -> ByteArray:
        """The picture's pixels, for an alpha that is ``edged``; see ``compose``."""
        return compose_photo(
            photo,
            alpha,
            self.background if background is None else background,
            crop=self.crop,
            margin=self.margin,
            placement=self.placement,
            shadow=self.shadow,
            decontaminate=self.decontaminate,
        )
