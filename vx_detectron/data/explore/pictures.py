"""Photos with their masks drawn, small enough for a page of many."""

from __future__ import annotations

import colorsys
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from PIL import Image

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.page import jpeg_uri
from vx_detectron.data.segmentation import decode_mask
from vx_detectron.data.subjects import has_subject, subject_mask
from vx_detectron.image_io import MAX_PIXELS, read_photo
from vx_detectron.structures import BoolArray, ByteArray

_SIDE = 240  # pixels of the longer side of a small picture
# How much of the photo is left outside the subject.
_DIM = 0.15


def sample_records(records: Sequence[DatasetDict], count: int) -> list[DatasetDict]:
    """At most ``count`` records: of every source alike, always the same ones."""
    by_source: dict[str, list[DatasetDict]] = defaultdict(list)
    for record in sorted(records, key=_rank):
        by_source[record.get("source", "")].append(record)
    rounds = zip_longest(*(by_source[source] for source in sorted(by_source)))
    return [record for turn in rounds for record in turn if record is not None][:count]


def _rank(record: DatasetDict) -> bytes:
    return hashlib.sha256(str(record["image_id"]).encode()).digest()


def draw(record: DatasetDict, *, max_pixels: int = MAX_PIXELS) -> str:
    """The photo with every mask in a colour, and beside it its subject, as a data URI (JPEG).

    A photo without a subject stands alone.

    Raises:
        ImageError: the photo cannot be read.
    """
    photo = read_photo(record["file_name"], max_pixels=max_pixels).pixels
    size = record["height"], record["width"]
    masks = [decode_mask(one["segmentation"], *size) for one in record["annotations"]]
    pictures = [_with_masks(_smaller(photo), [_smaller(mask) for mask in masks])]
    if has_subject(record):
        pictures.append(_cut(_smaller(photo), _smaller(subject_mask(record))))
    return jpeg_uri(np.concatenate(pictures, axis=1))


def _smaller(pixels: ByteArray) -> ByteArray:
    """A photo (H, W, 3), or a mask (H, W) of 0 and 1, that fits into the side."""
    image = Image.fromarray(pixels)
    mode = Image.Resampling.BILINEAR if pixels.ndim == 3 else Image.Resampling.NEAREST
    image.thumbnail((_SIDE, _SIDE), mode)
    return np.array(image)


def _with_masks(photo: ByteArray, masks: Sequence[ByteArray]) -> ByteArray:
    """Largest masks first, so that small ones on top of them are seen."""
    drawn = photo.astype(np.float32)
    for number, mask in enumerate(sorted(masks, key=lambda mask: -int(mask.sum()))):
        inside = mask.astype(bool)
        # Steps of the golden angle keep any number of hues apart.
        colour = 255 * np.array(colorsys.hsv_to_rgb(0.33 + 0.382 * number, 0.9, 1.0))
        drawn[inside] = 0.5 * drawn[inside] + 0.5 * colour
        drawn[_inner_edge(inside)] = colour
    return drawn.astype(np.uint8)


def _inner_edge(inside: BoolArray) -> BoolArray:
    """ByteArray of a mask with a neighbour, above, below, left or right, that is not of it."""
    padded = np.pad(inside, 1, mode="edge")
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~core


def _cut(photo: ByteArray, mask: ByteArray) -> ByteArray:
    """The photo, dark outside the mask."""
    kept: ByteArray = (photo * np.where(mask[..., None] > 0, 1.0, _DIM)).astype(np.uint8)
    return kept
