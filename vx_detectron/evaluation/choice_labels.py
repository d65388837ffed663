"""Labels of subject choice: which of the annotated things in a photo people call its subject.

The file is a json list with one object per photo, beside a COCO json that has the masks:

- ``image_id``: the photo's id in the COCO json;
- ``candidates``: ids of the annotations that were offered;
- ``subject``: ids of the agreed answer, empty if there is no subject;
- ``accepted``: every answer that someone called reasonable, each a list of annotation ids;
- ``clear``: everyone called the photo clear, and their answers agree;
- ``no_subject``: everyone said that none of the candidates is a subject.

A photo that is neither clear nor without a subject is one that people disagree about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vx_detectron.data.coco import DatasetDict, decode_mask
from vx_detectron.errors import DataError
from vx_detectron.structures import BoolArray, FloatArray, Instances

CLEAR, UNCLEAR, NO_SUBJECT = "clear", "unclear", "no subject"
_GRID = 28  # cells a side, as Mask R-CNN's mask head has them


@dataclass(frozen=True)
class ChoiceLabel:
    """What people say about one photo; all numbers are annotation ids. See the module."""

    image_id: int
    candidates: tuple[int, ...]
    subject: frozenset[int]
    accepted: tuple[frozenset[int], ...]
    kind: str

    @property
    def members(self) -> frozenset[int]:
        """Everything that belongs to some accepted answer."""
        return frozenset().union(*self.accepted)


def read_choice_labels(path: Path) -> list[ChoiceLabel]:
    """Read the labels of a file.

    Raises:
        DataError: the file is missing, or not as described.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        labels = [_label(one) for one in content]
    except OSError as error:
        raise DataError(f"cannot read the labels {path}: {error.strerror}") from error
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} should be a json list of photos with image_id, candidates, subject, accepted, "
            f"clear and no_subject: {type(error).__name__} {error}"
        ) from error
    if not labels:
        raise DataError(f"{path} contains no labels")
    return labels


def _label(one: dict[str, Any]) -> ChoiceLabel:
    kind = CLEAR if one["clear"] else NO_SUBJECT if one["no_subject"] else UNCLEAR
    label = ChoiceLabel(
        image_id=int(one["image_id"]),
        candidates=tuple(map(int, one["candidates"])),
        subject=frozenset(map(int, one["subject"])),
        accepted=tuple(frozenset(map(int, answer)) for answer in one["accepted"]),
        kind=kind,
    )
    if not label.candidates or not (label.members | label.subject) <= set(label.candidates):
        raise ValueError(f"the answers of image {label.image_id} are not among its candidates")
    return label


def true_masks(label: ChoiceLabel, record: DatasetDict) -> dict[int, BoolArray]:
    """The candidates' masks by annotation id, each bool (height, width) with a pixel at least.

    Args:
        label: of the photo.
        record: of the photo, from ``load_coco_json``.

    Raises:
        DataError: a candidate is not annotated there, or its mask is empty.
    """
    known = {one["id"]: one for one in record["annotations"]}
    masks = {}
    for identity in label.candidates:
        if identity not in known:
            raise DataError(f"{record['file_name']} has no annotation {identity}, a candidate")
        segmentation = known[identity]["segmentation"]
        masks[identity] = decode_mask(segmentation, record["height"], record["width"]) > 0
        if not masks[identity].any():
            raise DataError(f"{record['file_name']}: the mask of annotation {identity} is empty")
    return masks


def true_instances(
    masks: dict[int, BoolArray], names: dict[int, str], saliency: FloatArray | None
) -> Instances:
    """Annotated things as an engine would give them: masks on a 28 x 28 grid, scores all 1.

    Args:
        masks: by annotation id, see ``true_masks``.
        names: class name by annotation id.
        saliency: float32 (h, w), 0..1, over the photo, as the engine's forward pass gives it.

    Returns:
        One instance a mask, in the masks' order.
    """
    class_names = tuple(sorted({names[identity] for identity in masks}))
    cut = [_box_and_grid(mask) for mask in masks.values()]
    height, width = next(iter(masks.values())).shape
    return Instances(
        image_size=(height, width),
        boxes=np.array([box for box, _ in cut], dtype=np.float32),
        scores=np.ones(len(cut), dtype=np.float32),
        classes=np.array([class_names.index(names[one]) for one in masks], dtype=np.int64),
        mask_grids=np.stack([grid for _, grid in cut]),
        class_names=class_names,
        saliency=saliency,
    )


def _box_and_grid(mask: BoolArray) -> tuple[tuple[int, ...], FloatArray]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    patch = mask[top:bottom, left:right].astype(np.float32)
    grid = cv2.resize(patch, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    # OpenCV's area average of ones exceeds one by rounding.
    return (left, top, right, bottom), np.minimum(grid, np.float32(1))
