"""How good the subjects are that the pipeline would cut, on photos held out.

The same measure for both engines: what ``subject.select`` chooses among the instances and the
salient regions, before any refinement, against the annotated subject.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vx_detectron.data.coco import Record
from vx_detectron.data.scene import read_scene
from vx_detectron.errors import DataError, ImageError
from vx_detectron.metrics import count
from vx_detectron.pipeline import Isolator, union_mask
from vx_detectron.structures import ByteArray

BoolArray = NDArray[np.bool_]

SUBJECT, SALIENCY = "subject_iou", "saliency_iou"

logger = logging.getLogger(__name__)


class Judged(NamedTuple):
    """One photo beside what was found in it.

    Attributes:
        pixels: uint8 (H, W, 3), RGB, 0..255.
        truth: bool (H, W), the annotated subject.
        chosen: bool (H, W), the subject that the pipeline would cut, before refinement.
        saliency: bool (H, W), the saliency map over one half; None where the network has none.
    """

    pixels: ByteArray
    truth: BoolArray
    chosen: BoolArray
    saliency: BoolArray | None


def subject_iou(judged: Iterable[Judged]) -> dict[str, float]:
    """Mean IoU with the true subject, 0..1, of the choice and of the saliency map alone.

    A photo in which no subject was found counts 0.

    Returns:
        ``subject_iou``, and ``saliency_iou`` where the network has a saliency map; nothing for no
        photos.
    """
    ious: dict[str, list[float]] = {SUBJECT: [], SALIENCY: []}
    for one in judged:
        ious[SUBJECT].append(count(one.chosen, one.truth).iou)
        if one.saliency is not None:
            ious[SALIENCY].append(count(one.saliency, one.truth).iou)
    return {name: float(np.mean(values)) for name, values in ious.items() if values}


def judge(isolator: Isolator, records: Sequence[Record]) -> Iterator[Judged]:
    """Run the network over photos whose subject is annotated.

    A photo that cannot be read is named in the log and left out.

    Args:
        isolator: around any engine, that of a model in training too.
        records: with a known subject, see ``vx_detectron.data.subjects.has_subject``.
    """
    limits = isolator.cfg.VX.INPUT.MAX_PIXELS, isolator.cfg.VX.INPUT.MAX_BYTES
    for record in records:
        try:
            scene = read_scene(record, {}, *limits)
        except (DataError, ImageError) as error:
            logger.warning("left out of the validation: %s", error)
            continue
        pixels = np.ascontiguousarray(scene.image.permute(1, 2, 0).numpy())
        yield _judged(isolator, pixels, scene.layers[-1].numpy() == 1)


def _judged(isolator: Isolator, pixels: ByteArray, truth: BoolArray) -> Judged:
    photo = isolator.open(pixels)
    subject = photo.select()
    chosen = np.zeros(truth.shape, dtype=np.bool_)
    if subject:
        chosen = union_mask(photo.instances, subject.chosen) >= 0.5
    saliency = photo.instances.saliency
    if saliency is None:
        return Judged(pixels, truth, chosen, None)
    whole = cv2.resize(saliency, truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return Judged(pixels, truth, chosen, np.asarray(whole) >= 0.5)
