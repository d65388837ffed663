"""The 80 class names of COCO, in the order of its contiguous ids, and the ids themselves."""

from __future__ import annotations

from fvcore.common.config import CfgNode

from vx_detectron.errors import ConfigError

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich",
    "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote",
    "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip

# The ids of COCO's files run to 90, with gaps.
_GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
COCO_IDS = tuple(number for number in range(1, 91) if number not in _GAPS)


def class_names(cfg: CfgNode) -> tuple[str, ...]:
    """The names of the network's classes: ``VX.CLASS_NAMES``, or COCO's.

    Raises:
        ConfigError: a network of another number of classes than 80 without names.
    """
    names = tuple(cfg.VX.CLASS_NAMES) or COCO
    if len(names) != cfg.MODEL.ROI_HEADS.NUM_CLASSES:
        raise ConfigError(
            f"MODEL.ROI_HEADS.NUM_CLASSES is {cfg.MODEL.ROI_HEADS.NUM_CLASSES}, but there are "
            f"{len(names)} class names; set VX.CLASS_NAMES to one name per class"
        )
    return names
