"""One photo's mask files to the instances in them, and what their values cannot mean.

The kinds, as in ``VX.DATA.MASKS``:

- ``subject``: black and white or grey, the one subject; of several files all together.
- ``instances``: the same, but each connected piece is an instance; of several files each file.
- ``classes``: each pixel is the number of its class, 0 is background and ``VOID`` nothing; each
  connected piece of a class is an instance.
- ``ids``: each pixel is the number of its instance, 0 is background.
- ``alpha``: what is not transparent is the subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vx_detectron.data.categories import Categories
from vx_detectron.data.notes import Notes
from vx_detectron.errors import DataError, ImageError
from vx_detectron.image_io import MAX_BYTES, read_labels
from vx_detectron.image_io.opening import decode, read_bytes
from vx_detectron.structures import SUBJECT_ID, BoolArray

Numbers = NDArray[np.int32]

VOID = 255
"""The class number of pixels that belong to nothing, as in PASCAL VOC."""

_WHITES = ([255], [65535])  # all that is in a mask of 8 or 16 bits in black and white

KINDS_OF_ONE_CLASS = ("instances", "ids")

# How far the colours of a grey picture may be apart, 0..255: JPEG stores them as three channels.
_GREY = 16
# So many different numbers are ids or classes; more of them are shades.
_FEW = 64
# ... and fill an area if this share of the picture lies within it.
_FILLED = 0.002

_ONE_CHANNEL = ("1", "L", "I", "I;16", "I;16B")


class Mask(NamedTuple):
    """What one file says.

    Attributes:
        size: height and width.
        pieces: category id and mask, bool (H, W), of every instance.
    """

    size: tuple[int, int]
    pieces: list[tuple[int, BoolArray]]


def read_masks(
    paths: Sequence[Path], kind: str, categories: Categories, max_pixels: int, notes: Notes
) -> list[Mask]:
    """The masks of one photo.

    Raises:
        ImageError: a file cannot be read.
        DataError: it is no mask of this kind, or they differ in size; the message proposes the
            kind that would fit.
    """
    masks = []
    for path in paths:
        if kind in ("classes", "ids"):
            labels = read_labels(path, max_pixels=max_pixels)
            pieces = _numbered(labels, kind, categories, path, notes)
        else:
            labels = _binary(path, kind, max_pixels, notes).astype(np.int32)
            pieces = _shapes(labels > 0, kind, whole=len(paths) > 1)
        masks.append(Mask((labels.shape[0], labels.shape[1]), list(pieces)))
    if len({mask.size for mask in masks}) > 1:
        sizes = ", ".join(f"{width} x {height}" for height, width in (one.size for one in masks))
        raise DataError(f"the masks of one photo differ in size: {sizes}")
    return masks


def _shapes(mask: BoolArray, kind: str, whole: bool) -> Iterator[tuple[int, BoolArray]]:
    """The subject, or the instances of one class: the whole file, or its connected pieces."""
    if kind != "instances":
        yield SUBJECT_ID, mask
    elif whole:
        yield from [(1, mask)] if mask.any() else []
    else:
        yield from ((1, piece) for piece in _connected(mask))


def _numbered(
    labels: Numbers, kind: str, categories: Categories, path: Path, notes: Notes
) -> Iterator[tuple[int, BoolArray]]:
    numbers = np.unique(labels)
    white = numbers[numbers > 0].tolist() in _WHITES
    if kind == "ids":
        if white:
            notes.add("black-and-white masks read as ids; use VX.DATA.MASKS instances", path)
        yield from ((1, labels == number) for number in numbers[numbers > 0].tolist())
        return
    found = np.setdiff1d(numbers, [0, VOID]).tolist()
    if white:
        text = (
            f"masks whose only value above 0 is {numbers[-1]}, which as a class means nothing; for "
            "black and white VX.DATA.MASKS subject or instances fits"
        )
        notes.add(text, path)
        return
    unknown = [number for number in found if number not in categories.names]
    if unknown:
        raise DataError(
            f"it has the class number {unknown[0]}; expected 0 to {len(categories.names)}, or "
            f"{VOID} for nothing; if each number is an instance, VX.DATA.MASKS ids fits"
        )
    for category in found:
        yield from ((category, piece) for piece in _connected(labels == category))


def _connected(mask: BoolArray) -> Iterator[BoolArray]:
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    yield from (parts == part for part in range(1, count))


def _binary(path: Path, kind: str, max_pixels: int, notes: Notes) -> BoolArray:
    """Bool (H, W): what is opaque, or bright, or, of the numbers 0 and 1, the 1."""
    image = _open(path, max_pixels)
    alpha = _alpha(image)
    if kind == "alpha" or alpha.min() < 255:
        if alpha.min() == alpha.max():
            raise DataError(
                f"it is {'opaque' if alpha.min() else 'transparent'} everywhere, so that its "
                "transparency shows no subject; for black and white VX.DATA.MASKS subject fits"
            )
        if kind != "alpha":
            notes.add("masks with transparency, of which that was read and not the colours", path)
        return np.asarray(alpha >= 128)
    levels = _levels(image)
    white = 1 << 15 if levels.max() > 255 else 128
    if levels.max() <= 1:
        return np.asarray(levels == 1)
    if levels.max() < white:
        raise DataError(
            f"its brightest value is {levels.max()}, so that nothing is white; if its values are "
            "numbers, VX.DATA.MASKS ids (of instances) or classes fits"
        )
    if filled := _filled(levels):
        text = (
            f"masks in which grey values fill areas, read as white from {white} on; if they are "
            "numbers, VX.DATA.MASKS ids (of instances) or classes fits"
        )
        notes.add(text, f"{path} ({', '.join(map(str, filled[:4]))})")
    return np.asarray(levels >= white)


def _open(path: Path, max_pixels: int) -> Image.Image:
    """The picture, upright."""
    try:
        image = decode(read_bytes(path, MAX_BYTES), max_pixels).image
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error.__cause__
    return ImageOps.exif_transpose(image)


def _alpha(image: Image.Image) -> NDArray[np.uint8]:
    """How opaque each pixel is, uint8 (H, W); 255 throughout where the file says nothing."""
    if "A" in image.getbands() or "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return np.full((image.height, image.width), 255, dtype=np.uint8)


def _levels(image: Image.Image) -> Numbers:
    """Grey levels as they are stored, of 8 or 16 bits; of a palette or of colours as shown."""
    if image.mode in _ONE_CHANNEL:
        return np.asarray(image).astype(np.int32)
    pixels = np.asarray(image.convert("RGB"))
    if np.ptp(pixels, axis=2).max() > _GREY:
        raise DataError(
            "it is coloured, expected black, white and grey; of a picture with a palette "
            "VX.DATA.MASKS classes or ids takes the numbers"
        )
    return pixels[..., 1].astype(np.int32)


def _filled(levels: Numbers) -> list[int]:
    """Values besides the darkest and the brightest that fill areas, as soft edges do not."""
    between = np.unique(levels)[1:-1]
    if not 0 < len(between) <= _FEW:
        return []
    square = np.ones((3, 3), dtype=np.uint8)
    areas = ((levels == value).astype(np.uint8) for value in between)
    inside = (int(cv2.erode(area, square, borderValue=0).sum()) for area in areas)
    return [int(v) for v, n in zip(between, inside, strict=True) if n > _FILLED * levels.size]
