"""Parts of a photo that look alike, as unannotated things.

A hint decoder that has only ever seen annotated things learns what their kinds look like. These
teach it to cut whatever is clicked: a shirt, a plate, a stone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vx_detectron.data.layers import UNKNOWN, Layers
from vx_detectron.data.scene import NO_CLASS, Scene

_SCALES = (150.0, 400.0, 900.0)  # Felzenszwalb's: larger ones make larger parts
_SIGMA = 0.8  # pixels of smoothing before
_SMALLEST, _LEAST, _MOST = 0.01, 0.015, 0.5  # shares of the photo


def part_alone(scene: Scene) -> Scene | None:
    """The scene with one of its parts as the only thing that is known of it, of no class.

    Parts are Felzenszwalb and Huttenlocher's (2004). None where none is of a useful size.
    """
    from skimage.segmentation import felzenszwalb

    pixels = scene.image.as_subclass(Tensor).permute(1, 2, 0).numpy()
    area = pixels.shape[0] * pixels.shape[1]
    scale = _SCALES[int(torch.randint(len(_SCALES), ()))]
    parts = felzenszwalb(pixels, scale=scale, sigma=_SIGMA, min_size=int(_SMALLEST * area))
    sizes = np.bincount(parts.ravel())
    useful = np.flatnonzero((sizes > _LEAST * area) & (sizes < _MOST * area))
    if not len(useful):
        return None
    mask = parts == useful[int(torch.randint(len(useful), ()))]
    layers = np.stack([mask.astype(np.uint8), np.full(mask.shape, UNKNOWN, dtype=np.uint8)])
    return Scene(
        scene.image, torch.from_numpy(layers).as_subclass(Layers), torch.tensor([NO_CLASS])
    )
