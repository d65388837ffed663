"""What changes a photo's colours and sharpness, and leaves everything in its place."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from fvcore.common.config import CfgNode
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

BLUR_KERNEL = 5  # pixels; wide enough for small sigmas


class JPEG(v2.Transform):  # type: ignore[misc]
    """Write the photo as JPEG and read it again; torchvision's own is on its way out.

    Args:
        quality: the least and the greatest, 1..100.
    """

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, quality: Sequence[int]) -> None:
        super().__init__()
        self.least, self.most = quality

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw a quality."""
        return {"quality": int(torch.randint(self.least, self.most + 1, ()))}

    def transform(self, inpt: tv_tensors.Image, params: dict[str, Any]) -> tv_tensors.Image:
        """Compress and decompress uint8 (3, H, W), RGB."""
        buffer = io.BytesIO()
        pixels = inpt.as_subclass(Tensor).permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=params["quality"])
        with Image.open(buffer) as image:
            return tv_tensors.Image(torch.from_numpy(np.array(image)).permute(2, 0, 1))


def photometry(cfg: CfgNode) -> v2.Transform:
    """Colour jitter, grey, blur and JPEG, each with its own probability; for uint8 RGB."""
    node = cfg.VX.AUGMENT
    jitter = v2.ColorJitter(node.BRIGHTNESS, node.CONTRAST, node.SATURATION, node.HUE)
    steps = (
        (jitter, node.COLOR_JITTER_PROB),
        (v2.Grayscale(num_output_channels=3), node.GRAYSCALE_PROB),
        (v2.GaussianBlur(BLUR_KERNEL, tuple(node.BLUR_SIGMA)), node.BLUR_PROB),
        (JPEG(node.JPEG_QUALITY), node.JPEG_PROB),
    )
    used = [v2.RandomApply([step], p=prob) for step, prob in steps if prob > 0]
    return v2.Compose(used) if used else v2.Identity()
