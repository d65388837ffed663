"""A small COCO data set of discs on coloured ground, written to a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as rle_tools


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    """uint8 (height, width), 1 within the disc."""
    rows, columns = np.mgrid[:height, :width]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.uint8)


def write_disc_dataset(folder: Path, count: int, kind: str = "subject") -> Path:
    """``count`` photos with one disc each; returns the json file. Photos lie in ``images``."""
    random = np.random.default_rng(5)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        height, width = 48, 64
        mask = disc(height, width, random.uniform(20, 44), random.uniform(16, 32), 12)
        pixels = np.where(mask[..., None], (220, 60, 40), (40, 90, 160)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        rle = rle_tools.encode(np.asfortranarray(mask))
        rle["counts"] = rle["counts"].decode()
        images.append(
            {
                "id": number,
                "file_name": f"{number}.png",
                "width": width,
                "height": height,
                "split": "train",
                "mask_kind": kind,
            }
        )
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1000,
                "iscrowd": 0,
                "area": int(mask.sum()),
                "bbox": rle_tools.toBbox(rle).tolist(),
                "segmentation": rle,
            }
        )
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1000}]}
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path
