"""From a training sample to the input of the real Detectron2."""

from __future__ import annotations

from typing import Any

import torch
from detectron2.structures import BitMasks, Boxes, Instances
from torch import Tensor

from vx_detectron.modeling.samples import Sample


class PartialInstances(Instances):  # type: ignore[misc]
    """The annotated instances of a photo that may also show things nobody annotated.

    ``detectron2_partial`` has the network parts that make a difference.
    """

    def to(self, *args: Any, **kwargs: Any) -> PartialInstances:
        """As that of ``Instances``, which forgets the class."""
        return PartialInstances(self.image_size, **super().to(*args, **kwargs).get_fields())


def to_detectron2(sample: Sample, ignore_value: int = 255) -> dict[str, Any]:
    """The sample as Detectron2's networks expect it in training.

    Args:
        sample: see ``Sample``.
        ignore_value: ``MODEL.SEM_SEG_HEAD.IGNORE_VALUE``, which takes the place of -1.

    Returns:
        ``image`` float32 (3, H, W); ``instances`` with gt_boxes, gt_classes and gt_masks
        (``BitMasks``), a ``PartialInstances`` where not everything is annotated; ``sem_seg``
        float32 (H, W), 0..1; ``height``, ``width``, ``file_name`` and ``image_id``.
    """
    height, width = sample.image.shape[1:]
    kind = Instances if sample.complete else PartialInstances
    instances = kind(
        (height, width),
        gt_boxes=Boxes(sample.boxes),
        gt_classes=sample.classes,
        gt_masks=BitMasks(sample.masks),
    )
    return {
        "image": sample.image,
        "instances": instances,
        "sem_seg": _with_ignore_value(sample.subject, ignore_value),
        "height": height,
        "width": width,
        "file_name": sample.file_name,
        "image_id": sample.image_id,
    }


def _with_ignore_value(subject: Tensor, ignore_value: int) -> Tensor:
    return torch.where(subject < 0, float(ignore_value), subject)
