"""Augmentation of a photo and its mask together, with torchvision's transforms."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2


class SubjectAugmentation:
    """Random crop and scale to a square, flip, colour, blur; or a plain resize.

    Args:
        size: side of the square, in pixels.
        train: False leaves everything but the resize out.
    """

    def __init__(self, size: int, train: bool) -> None:
        steps: list[v2.Transform] = [v2.Resize((size, size), antialias=True)]
        if train:
            steps = [
                v2.RandomResizedCrop(size, scale=(0.5, 1.0), ratio=(0.67, 1.5), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.08)], p=0.6),
                v2.RandomGrayscale(0.05),
                v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], p=0.1),
            ]
        self.steps = v2.Compose(steps)

    def __call__(self, image: Tensor, mask: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Augment uint8 (3, H, W) RGB and uint8 (1, H, W); the same seed gives the same result."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # `Mask` makes geometry nearest-neighbour and keeps colour changes off it.
            image, mask = self.steps(tv_tensors.Image(image), tv_tensors.Mask(mask))
        return image.as_subclass(Tensor), mask.as_subclass(Tensor)
