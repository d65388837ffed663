"""Augmentation of a photo, its instances and its subject together, as ``VX.AUGMENT`` says.

    background, pasted cut-out or part -> geometry -> copy-paste -> photometry

Everything is drawn from torch's global generator: seed it, and the result repeats.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from fvcore.common.config import CfgNode
from torch import Tensor

from vx_detectron.data.augmentation.background import beside_subject
from vx_detectron.data.augmentation.copy_paste import copy_paste
from vx_detectron.data.augmentation.cutouts import CutoutPaste
from vx_detectron.data.augmentation.geometry import crop_sizes, train_geometry
from vx_detectron.data.augmentation.photometry import photometry
from vx_detectron.data.augmentation.segments import part_alone
from vx_detectron.data.layers import UNKNOWN
from vx_detectron.data.scene import Scene

__all__ = ["Augmentation", "crop_sizes"]

# A crop that lost its subject but for less than this share of itself teaches nothing about it.
_LEAST_SUBJECT = 0.004


class Augmentation:
    """The whole recipe of a configuration.

    Args:
        cfg: its INPUT and VX.AUGMENT nodes are read.

    Raises:
        ConfigError: keys that contradict each other.
    """

    def __init__(self, cfg: CfgNode) -> None:
        node = cfg.VX.AUGMENT
        self.geometries = [train_geometry(cfg, size) for size in crop_sizes(cfg)]
        self.copy_prob: float = node.COPY_PASTE_PROB
        self.paste_prob: float = node.PASTE_PROB
        self.paste_own: float = node.PASTE_OWN
        self.background_prob: float = node.BACKGROUND_PROB
        self.segment_prob: float = node.SEGMENT_PROB
        self.paste = CutoutPaste(cfg)
        self.photometry = photometry(cfg)

    def __call__(
        self, scene: Scene, draw_donor: Callable[[], Scene], size: int | None = None
    ) -> Scene:
        """A variation of a scene.

        Args:
            scene: as read.
            draw_donor: gives another photo, of which something may be pasted onto this one.
            size: which of VX.AUGMENT.CROP_SIZES; drawn at random where it is not given.
        """
        background = beside_subject(scene) if _happens(self.background_prob) else None
        if background is not None:
            scene = background
        elif _happens(self.paste_prob):
            scene = self.paste(scene, scene if _happens(self.paste_own) else draw_donor())
        elif _happens(self.segment_prob):
            scene = part_alone(scene) or scene
        if size is None:
            size = _draw(len(self.geometries))
        scene = self._moved(scene, size)
        if _happens(self.copy_prob):
            scene = copy_paste(scene, self._moved(draw_donor(), size))
        return Scene(self.photometry(scene.image), scene.layers, scene.classes)

    def _moved(self, scene: Scene, size: int) -> Scene:
        image, layers = self.geometries[size](scene.image, scene.layers)
        had_subject = bool((scene.layers.as_subclass(Tensor)[-1] == 1).any())
        subject = layers.as_subclass(Tensor)[-1]
        if had_subject and (subject == 1).sum() < _LEAST_SUBJECT * subject.numel():
            layers = layers.clone()
            layers[-1] = UNKNOWN
        return Scene(image, layers, scene.classes)


def _happens(probability: float) -> bool:
    return probability > 0 and bool(torch.rand(()) < probability)


def _draw(count: int) -> int:
    """Nothing is drawn where there is no choice, so that other draws stay what they were."""
    return int(torch.randint(count, ())) if count > 1 else 0
