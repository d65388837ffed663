"""Instances of one photo pasted onto another (Ghiasi et al., CVPR 2021)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.data.scene import Scene


def copy_paste(scene: Scene, donor: Scene) -> Scene:
    """The scene with some instances of the donor on top, each at its own place in the donor.

    What they cover is cut out of the scene's own masks. What the subject of the new picture is,
    nobody has judged: it is unknown everywhere. A donor whose instances all lie outside the scene
    changes nothing.

    Args:
        scene: keeps its size.
        donor: of any size; what reaches beyond the scene is cut.
    """
    height, width = scene.image.shape[-2:]
    pasted = F.crop(donor.layers, 0, 0, height, width).as_subclass(Tensor)[:-1] == 1
    present = pasted.flatten(1).any(dim=1).nonzero()[:, 0]
    if not len(present):
        return scene
    # As many draws as instances, so that some are drawn twice, and a part is left out.
    chosen = present[torch.randint(len(present), (len(present),))].unique()
    pasted = pasted[chosen]
    cover = pasted.any(dim=0)
    above = F.crop(donor.image, 0, 0, height, width)
    layers = scene.layers.as_subclass(Tensor)
    below = layers[:-1].masked_fill(cover, 0)
    subject = torch.full_like(layers[-1:], UNKNOWN)
    return Scene(
        tv_tensors.Image(torch.where(cover, above, scene.image)),
        torch.cat([below, pasted.to(torch.uint8), subject]).as_subclass(Layers),
        torch.cat([scene.classes, donor.classes[chosen]]),
    )
