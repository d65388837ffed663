"""The part of a photo beside its subject, as a photo without a subject."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from vx_detectron.data.scene import Scene

_LEAST_SHARE = 0.25  # of the photo, or the part shows too little
_EMPTY = 0.01  # share of the part that other things may cover: more could be a subject


def beside_subject(scene: Scene) -> Scene | None:
    """The largest strip above, below, left or right of the subject; its subject is known: none.

    None where the subject is not known or everywhere, where the strip is small, or where other
    things lie in it, which could be its subject.
    """
    layers = scene.layers.as_subclass(Tensor).numpy()
    subject = layers[-1] == 1
    if not subject.any() or (layers[-1] > 1).any():
        return None
    height, width = subject.shape
    rows, columns = np.flatnonzero(subject.any(1)), np.flatnonzero(subject.any(0))
    strips = [  # top, left, height, width
        (0, 0, int(rows[0]), width),
        (int(rows[-1]) + 1, 0, height - int(rows[-1]) - 1, width),
        (0, 0, height, int(columns[0])),
        (0, int(columns[-1]) + 1, height, width - int(columns[-1]) - 1),
    ]
    best = max(strips, key=lambda strip: strip[2] * strip[3])
    area = best[2] * best[3]
    if area < _LEAST_SHARE * height * width:
        return None
    part = F.crop(scene.layers, *best)
    if (part.as_subclass(Tensor)[:-1] == 1).any(dim=0).sum() > _EMPTY * area:
        return None
    return Scene(F.crop(scene.image, *best), part, scene.classes)
