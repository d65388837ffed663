"""What moves pixels and masks together: crop and scale, rotation, flip."""

from __future__ import annotations

from fvcore.common.config import CfgNode
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from vx_detectron.data.augmentation.resize import RandomCrop, ResizeScale, ResizeShortestEdge
from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.errors import ConfigError

# What stands where there is no photo: Detectron2's grey; and no instance, and no known subject.
OUTSIDE = {tv_tensors.Image: 128, Layers: UNKNOWN}


def crop_sizes(cfg: CfgNode) -> tuple[tuple[int, int], ...]:
    """Height and width of the crops, one for each batch: ``VX.AUGMENT.CROP_SIZES``, or a square.

    Raises:
        ConfigError: sizes for a way of cropping that has none.
    """
    node = cfg.VX.AUGMENT
    if not node.CROP_SIZES:
        return ((cfg.VX.SOLVER.CROP, cfg.VX.SOLVER.CROP),)
    if node.CROP != "resized":
        raise ConfigError(
            f"VX.AUGMENT.CROP_SIZES goes with VX.AUGMENT.CROP resized, got {node.CROP}; change one "
            "of them"
        )
    return tuple((height, width) for height, width in node.CROP_SIZES)


def train_geometry(cfg: CfgNode, size: tuple[int, int]) -> v2.Transform:
    """Crop and scale as ``VX.AUGMENT.CROP`` says, then rotation and flip.

    Args:
        cfg: INPUT and VX.AUGMENT are read.
        size: height and width of the crops; see ``crop_sizes``.

    Raises:
        ConfigError: values of ``INPUT`` that make no sense, or no sense beside those of
            ``VX.AUGMENT``.
    """
    node = cfg.VX.AUGMENT
    steps = _crop_and_scale(cfg, size)
    if node.ROTATION_PROB > 0:
        rotation = v2.RandomRotation(
            node.ROTATION_DEGREES, InterpolationMode.BILINEAR, fill=OUTSIDE
        )
        steps.append(v2.RandomApply([rotation], p=node.ROTATION_PROB))
    flips = {"horizontal": v2.RandomHorizontalFlip, "vertical": v2.RandomVerticalFlip}
    if cfg.INPUT.RANDOM_FLIP in flips:
        steps.append(flips[cfg.INPUT.RANDOM_FLIP]())
    return v2.Compose(steps)


def _crop_and_scale(cfg: CfgNode, size: tuple[int, int]) -> list[v2.Transform]:
    node, side = cfg.VX.AUGMENT, cfg.VX.SOLVER.CROP
    if node.CROP == "shortest_edge":
        return _shortest_edge(cfg)
    if cfg.INPUT.CROP.ENABLED:
        raise ConfigError(
            f"INPUT.CROP.ENABLED goes with VX.AUGMENT.CROP shortest_edge, got {node.CROP}, which "
            "crops by itself; change one of them"
        )
    if node.CROP == "resized":
        area, shape = tuple(node.CROP_AREA), size[1] / size[0]
        aspect = tuple(shape * stretch for stretch in node.CROP_ASPECT)
        return [v2.RandomResizedCrop(size, scale=area, ratio=aspect, antialias=True)]
    return [
        ResizeScale(node.JITTER_SCALE, side),
        v2.RandomCrop(side, pad_if_needed=True, fill=OUTSIDE),
    ]


def _shortest_edge(cfg: CfgNode) -> list[v2.Transform]:
    """Detectron2's own: ``INPUT.CROP``, then a scale by ``INPUT.MIN_SIZE_TRAIN``."""
    node = cfg.INPUT
    resize = ResizeShortestEdge(
        node.MIN_SIZE_TRAIN, node.MAX_SIZE_TRAIN, node.MIN_SIZE_TRAIN_SAMPLING
    )
    return [RandomCrop(node.CROP.TYPE, node.CROP.SIZE), resize] if node.CROP.ENABLED else [resize]
