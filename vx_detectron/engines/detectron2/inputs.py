"""From a training sample to the input of the real Detectron2."""

from __future__ import annotations

from typing import Any

from detectron2.structures import BitMasks, Boxes, Instances

from vx_detectron.modeling.samples import Sample


class PartialInstances(Instances):  # type: ignore[misc]
    """The annotated instances of a photo that may show others.

    ``detectron2_partial`` has the network parts that make a difference.
    """

    def to(self, *args: Any, **kwargs: Any) -> PartialInstances:
        """As that of ``Instances``, which forgets the class."""
        return PartialInstances(self.image_size, **super().to(*args, **kwargs).get_fields())


def to_detectron2(sample: Sample) -> dict[str, Any]:
    """The sample as Detectron2's networks want it in training.

    Args:
        sample: see ``Sample``.

    Returns:
        ``image`` float32 (3, H, W); ``instances`` with gt_boxes, gt_classes and gt_masks
        (``BitMasks``), a ``PartialInstances`` where not everything is annotated; ``height``,
        ``width``, ``file_name`` and ``image_id``.
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
        "height": height,
        "width": width,
        "file_name": sample.file_name,
        "image_id": sample.image_id,
    }
