"""Further looks at a photo, mirrored and at other sizes, for a steadier saliency map.

This is test-time augmentation. One pass sees the large things better, another the fine ones; what
only one of them sees, such as a false hole, fades in the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from fvcore.common.config import CfgNode
from torch import Tensor
from torch.nn import functional as F

from vx_detectron.engines.preprocess import network_input
from vx_detectron.structures import ByteArray

# Log-odds are clipped here: one pass that is certain must not outvote the others.
CERTAIN = 7.0


def mean_saliency(
    cfg: CfgNode, image: ByteArray, first: Tensor, look: Callable[[Tensor], Tensor]
) -> Tensor:
    """The first pass's map averaged with those of ``VX.INPUT.SALIENCY_SIZES``, as log-odds.

    Args:
        cfg: names the short sides of the further passes, each of them mirrored.
        image: uint8 (H, W, 3), RGB.
        first: (h, w), probabilities 0..1 over the whole photo.
        look: from a network input, float32 (3, h', w'), to its map, as ``first``.

    Returns:
        (h, w), probabilities 0..1.
    """
    maps = [first]
    for size in cfg.VX.INPUT.SALIENCY_SIZES:
        photo = torch.from_numpy(network_input(cfg, image, shortest=size))
        maps.append(_resized(look(photo.flip(2)).flip(1), first))
    if len(maps) == 1:
        return first
    return torch.stack([one.logit().clamp(-CERTAIN, CERTAIN) for one in maps]).mean(0).sigmoid()


def _resized(saliency: Tensor, like: Tensor) -> Tensor:
    size = (like.shape[0], like.shape[1])
    resized = F.interpolate(saliency[None, None], size=size, mode="bilinear", align_corners=False)
    return resized[0, 0]
