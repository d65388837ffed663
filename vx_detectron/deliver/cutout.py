"""The subject of a photo, cut out: what the pipeline returns and users save."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from vx_detectron.deliver.background import (
    Background,
    PictureFile,
    Transparent,
    read_background,
)
from vx_detectron.deliver.compose import compose_photo
from vx_detectron.deliver.finish import Finish
from vx_detectron.errors import ConfigError
from vx_detectron.image_io import (
    MAX_BYTES,
    MAX_PIXELS,
    Photo,
    PictureFormat,
    format_from_suffix,
)
from vx_detectron.image_io.names import Writable
from vx_detectron.image_io.writing import QUICK
from vx_detectron.interactive import Hints
from vx_detectron.structures import ByteArray, FloatArray, Instances, Provenance, Subject


@dataclass(frozen=True, eq=False)
class Cutout:
    """The subject, cut out of its photo.

    Attributes:
        photo: the photo that it was cut out of.
        alpha: float32 (H, W), 0 = background .. 1 = subject, at the photo's size.
        subject: which instances it is and why.
        instances: everything that was found in the photo, for explaining and choosing again.
        provenance: what actually ran.
        max_pixels: the largest picture that ``save`` reads as a background.
        max_bytes: the largest file of one.
        hints: what a person marked, all of it respected; None without any.
    """

    photo: Photo
    alpha: FloatArray
    subject: Subject
    instances: Instances
    provenance: Provenance
    max_pixels: int = MAX_PIXELS
    max_bytes: int = MAX_BYTES
    hints: Hints | None = None

    def __post_init__(self) -> None:
        size = self.photo.pixels.shape[:2]
        if self.alpha.dtype != np.float32 or self.alpha.shape != size:
            raise ValueError(
                f"alpha must be float32 of the photo's size {size}, "
                f"got {self.alpha.dtype} {self.alpha.shape}"
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names of the subject's instances; empty after the GrabCut fallback."""
        return tuple(self.instances.label(index) for index in self.subject.chosen)

    @property
    def rgba(self) -> ByteArray:
        """The subject without a background: uint8 (H, W, 4), RGB with straight alpha; a new array.

        At the subject's edge the colours are the subject's own, without the old background; where
        alpha is 0 all four are 0. The colours are in ``photo.icc_profile``, None being sRGB.
        """
        return compose_photo(self.photo, self.alpha, Transparent())

    def save(
        self,
        path: Writable,
        *,
        background: str | Background | PictureFile = "black",
        crop: bool = False,
        margin: float = 0.05,
        quality: int = 95,
        compression: int = QUICK,
        format: PictureFormat | None = None,
    ) -> None:
        """Save the subject as a picture, completely or not at all; an existing file is replaced.

        Colours keep the photo's profile, and the file keeps the photo's resolution (dpi).

        Args:
            path: a file in an existing folder, or a binary stream.
            background: what is behind the subject: ``black``, ``transparent``, any CSS colour
                (``orange``, ``#f80``), ``blur``, ``blur:PERCENT``, ``picture:PATH``, or one of the
                classes ``Colour``, ``Transparent``, ``Blur`` and ``Picture``.
            crop: cut the picture to the subject's box and ``margin``.
            margin: space around the subject with ``crop``, as a share of its longer side.
            quality: 1..100, of jpg and webp; 100 makes webp lossless.
            compression: 0..9, of png, zlib's level: 0 compresses nothing, 1 is fast, 9 makes the
                smallest file.
            format: ``png``, ``jpg``, ``webp`` or ``tiff``; by default the path's suffix says. A
                stream needs it.

        Raises:
            ImageError: the suffix names none of these formats, the format cannot hold the picture
                (JPEG has no transparency), or the file cannot be written or, for ``picture:``,
                read, such as one that is larger than ``VX.INPUT`` allows.
            ConfigError: an option is not as described.

        Example:
            >>> from pathlib import Path
            >>> from skimage.data import data_dir
            >>> from vx_detectron import Isolator
            >>> cutout = Isolator().isolate(Path(data_dir) / "coffee.png")
            >>> cutout.save("cup.png")
            >>> cutout.save("cup.webp", background="transparent", crop=True)
            >>> cutout.save("cup.jpg", background="blur", quality=90)
            >>> cutout.rgba.shape
            (400, 600, 4)
            >>> cutout.save("transparent.jpg", background="transparent")
            Traceback (most recent call last):
            vx_detectron.errors.ImageError: ...
        """
        finish = Finish(
            format or _format_of(path),
            quality,
            read_background(background, max_pixels=self.max_pixels, max_bytes=self.max_bytes),
            crop=crop,
            margin=margin,
            compression=compression,
        )
        try:
            finish.write(path, self.photo, self.alpha)
        except ValueError as error:  # an option out of its range
            raise ConfigError(str(error)) from error


def _format_of(path: Writable) -> PictureFormat:
    """The format of the path's suffix."""
    if isinstance(path, str | os.PathLike):
        return format_from_suffix(path)
    raise ConfigError("a stream has no suffix: pass format='png', 'jpg', 'webp' or 'tiff'")
