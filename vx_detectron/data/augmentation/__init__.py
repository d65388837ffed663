"""Augmentation of a photo, its instances and its subject together, as ``VX.AUGMENT`` says.

    geometry -> copy-paste -> photometry

Everything is drawn from torch's global generator: seed it, and the result repeats.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from fvcore.common.config import CfgNode

from vx_detectron.data.augmentation.copy_paste import copy_paste
from vx_detectron.data.augmentation.geometry import train_geometry
from vx_detectron.data.augmentation.photometry import photometry
from vx_detectron.data.scene import Scene

__all__ = ["Augmentation"]


class Augmentation:
    """The whole recipe of a configuration.

    Args:
        cfg: its INPUT and VX.AUGMENT nodes are read.

    Raises:
        ConfigError: keys that contradict each other.
    """

    def __init__(self, cfg: CfgNode) -> None:
        self.geometry = train_geometry(cfg)
        self.paste_prob: float = cfg.VX.AUGMENT.COPY_PASTE_PROB
        self.photometry = photometry(cfg)

    def __call__(self, scene: Scene, draw_donor: Callable[[], Scene]) -> Scene:
        """A variation of a scene.

        Args:
            scene: as read.
            draw_donor: gives another photo, whose instances may be pasted onto this one.
        """
        scene = self._moved(scene)
        if self.paste_prob > 0 and torch.rand(()) < self.paste_prob:
            scene = copy_paste(scene, self._moved(draw_donor()))
        return Scene(self.photometry(scene.image), scene.layers, scene.classes)

    def _moved(self, scene: Scene) -> Scene:
        image, layers = self.geometry(scene.image, scene.layers)
        return Scene(image, layers, scene.classes)
