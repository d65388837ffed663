"""Photos whose masks can be read off their pixels: what is white is an instance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as rle_tools
from torchvision import tv_tensors

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.data.layers import Layers
from vx_detectron.data.scene import Scene

BLACK, WHITE = 20, 235  # with room for brightness to go either way


def shapes(seed: int, height: int = 150, width: int = 200) -> np.ndarray:
    """Discs and squares, one in each cell of a grid of 2 x 3: bool (6, height, width)."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] + 0.5
    masks = []
    for cell in range(6):
        y = (cell // 3 + 0.5) * height / 2 + random.uniform(-5, 5)
        x = (cell % 3 + 0.5) * width / 3 + random.uniform(-5, 5)
        radius = random.uniform(0.25, 0.38) * min(height / 2, width / 3)
        away = np.abs(rows - y), np.abs(columns - x)
        distance = np.hypot(*away) if cell % 2 else np.maximum(*away)
        masks.append(distance <= radius)
    return np.stack(masks)


def paint(masks: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3): white where a mask is, black elsewhere."""
    union = masks.any(axis=0)[..., None]
    return np.where(union, WHITE, BLACK).astype(np.uint8).repeat(3, axis=2)


def scene(seed: int, height: int = 150, width: int = 200) -> Scene:
    """A photo with six instances of the classes 0..5; all of them are its subject."""
    masks = shapes(seed, height, width)
    layers = np.concatenate([masks, masks.any(axis=0, keepdims=True)]).astype(np.uint8)
    return Scene(
        tv_tensors.Image(torch.from_numpy(paint(masks)).permute(2, 0, 1)),
        torch.from_numpy(layers).as_subclass(Layers),
        torch.arange(6),
    )


def augment_cfg(*options: object) -> CfgNode:
    """A configuration that leaves photos alone, but for a plain resize and the overrides."""
    plain = {
        "VX.SOLVER.CROP": 128,
        "INPUT.RANDOM_FLIP": "none",
        "VX.AUGMENT.COLOR_JITTER_PROB": 0,
        "VX.AUGMENT.GRAYSCALE_PROB": 0,
        "VX.AUGMENT.BLUR_PROB": 0,
        "VX.AUGMENT.ROTATION_PROB": 0,
        "VX.AUGMENT.JPEG_PROB": 0,
        "VX.AUGMENT.CROP_SIZES": [],
        "VX.AUGMENT.CROP_AREA": [0.35, 1.0],
        "VX.AUGMENT.CROP_ASPECT": [0.67, 1.5],
        "VX.AUGMENT.PASTE_PROB": 0,
        "VX.AUGMENT.PASTE_OWN": 0,
        "VX.AUGMENT.BACKGROUND_PROB": 0,
    }
    pairs = [part for pair in plain.items() for part in pair]
    return load_cfg("train_vx_eye", [str(part) for part in (*pairs, *options)])


def write_painted(folder: Path, count: int, kind: str = "instance") -> list[dict]:
    """Records of ``count`` painted photos, their instances of the categories 10..15."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(1, count + 1):
        masks = shapes(number, 60, 90)
        path = folder / f"{number}.png"
        Image.fromarray(paint(masks)).save(path)
        annotations = [
            {
                "category_id": 10 + index,
                "iscrowd": 0,
                "area": int(mask.sum()),
                "segmentation": rle_tools.encode(np.asfortranarray(mask.astype(np.uint8))),
            }
            for index, mask in enumerate(masks)
        ]
        records.append(
            {
                "file_name": str(path),
                "height": 60,
                "width": 90,
                "image_id": number,
                "mask_kind": kind,
                "annotations": annotations,
            }
        )
    return records
