"""From a photo and its alpha to the picture file that was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from vx_detectron.deliver import BLACK, Background, compose_photo, crop_box, mask_picture
from vx_detectron.deliver.mark import Mark
from vx_detectron.image_io import Photo, PictureFormat, write_picture
from vx_detectron.image_io.names import Writable
from vx_detectron.image_io.writing import QUICK
from vx_detectron.structures import FloatArray


@dataclass(frozen=True)
class Finish:
    """What the picture shows, and how it is written.

    Attributes:
        format: ``png``, ``jpg``, ``webp`` or ``tiff``.
        quality: 1..100, of jpg and webp.
        background: what stands behind the subject.
        mask_only: write alpha as a grey picture instead.
        crop: cut the picture to the subject's box and ``margin``.
        margin: space around the subject, as a share of its longer side.
        compression: 0..9, of png; see ``write_picture``.
    """

    format: PictureFormat = "png"
    quality: int = 95
    background: Background = BLACK
    mask_only: bool = False
    crop: bool = False
    margin: float = 0.05
    compression: int = QUICK

    def write(
        self, target: Writable, photo: Photo, alpha: FloatArray, mark: Mark | None = None
    ) -> None:
        """Write the picture; colours keep the photo's profile, and all its density.

        Args:
            target: a path in an existing folder, or a binary stream.
            photo: the photo that was cut.
            alpha: float32 (H, W), 0..1, of the photo's size.
            mark: whose result the picture is, to be written into it.

        Raises:
            ImageError: the format cannot hold the picture, or it cannot be written.
        """
        if self.mask_only:
            pixels = mask_picture(alpha)
            if self.crop:
                x0, y0, x1, y1 = crop_box(alpha, self.margin)
                pixels = pixels[y0:y1, x0:x1]
        else:
            pixels = compose_photo(
                photo, alpha, self.background, crop=self.crop, margin=self.margin
            )
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
