"""remove.bg's pictures: the background may be half transparent, and there may be two files."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from PIL import Image

from vx_detectron.deliver import Background, Transparent
from vx_detectron.deliver.finish import Finish
from vx_detectron.image_io import Photo, PictureFormat, write_picture
from vx_detectron.structures import FloatArray
from web.cutting import TYPES


@dataclass(frozen=True)
class Result:
    """What the answer's picture shows.

    Attributes:
        format: png, jpg, webp or zip.
        background: behind the subject.
        opacity: 0..1, of that background.
        mask_only: alpha instead of colours.
    """

    format: str
    background: Background
    opacity: float
    mask_only: bool

    @property
    def mimetype(self) -> str:
        """Of the file."""
        return "application/zip" if self.format == "zip" else TYPES[self.format]

    def write(self, photo: Photo, alpha: FloatArray) -> bytes:
        """The file."""
        file = io.BytesIO()
        if self.format == "zip":
            _write_zip(file, photo, self._picture(photo, alpha))
        elif 0 < self.opacity < 1:
            pixels, info = self._picture(photo, alpha)
            write_picture(
                file, pixels, format=cast(PictureFormat, self.format), dpi=photo.dpi, **info
            )
        else:
            Finish(
                cast(PictureFormat, self.format),
                background=self.background,
                mask_only=self.mask_only,
            ).write(file, photo, alpha)
        return file.getvalue()

    def _picture(self, photo: Photo, alpha: FloatArray) -> tuple[Any, dict[str, Any]]:
        """uint8 (H, W, 4), straight, and the profile that it is in."""
        clear, info = _drawn(photo, alpha, Transparent())
        if not self.opacity:
            return clear, info
        solid, info = _drawn(photo, alpha, self.background)
        # The solid picture is the subject's share and the background's; fade the latter.
        share = clear[..., 3:].astype(np.float32) / 255
        subject = clear[..., :3] * share
        behind = (solid[..., :3] - subject) * self.opacity
        opacity = share + (1 - share) * self.opacity
        colours = (subject + behind) / np.maximum(opacity, 1e-6)
        pixels = np.dstack([colours, opacity * 255])
        return np.rint(pixels).clip(0, 255).astype(np.uint8), info


def _drawn(photo: Photo, alpha: FloatArray, background: Background) -> tuple[Any, dict[str, Any]]:
    """The finished picture's pixels, uint8 (H, W, 4), and its profile."""
    file = io.BytesIO()
    Finish("png", background=background).write(file, photo, alpha)
    with Image.open(file) as picture:
        return np.array(picture.convert("RGBA")), {"icc_profile": picture.info.get("icc_profile")}


def _write_zip(file: io.BytesIO, photo: Photo, picture: tuple[Any, dict[str, Any]]) -> None:
    """The picture as color.jpg and alpha.png."""
    pixels, info = picture
    share = pixels[..., 3:].astype(np.float32) / 255
    # JPEG would carry black over the subject's edge: let its colours go on outside.
    size = (2 * 16 + 1,) * 2  # JPEG's blocks are of 16 pixels
    near, weight = cv2.blur(pixels[..., :3] * share, size), cv2.blur(share, size)
    outside = near / np.maximum(weight[..., None], 1e-6)
    colours = np.where(share > 0, pixels[..., :3], np.rint(outside).clip(0, 255)).astype(np.uint8)
    with zipfile.ZipFile(file, "w") as archive:
        for name, plane, kind, profile in (
            ("color.jpg", colours, "jpg", info),
            ("alpha.png", pixels[..., 3].copy(), "png", {}),
        ):
            part = io.BytesIO()
            write_picture(part, plane, format=cast(PictureFormat, kind), dpi=photo.dpi, **profile)
            archive.writestr(name, part.getvalue())
