"""Small COCO data sets of shapes on coloured ground, written to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    photos = [
        [(1000, disc(48, 64, random.uniform(20, 44), random.uniform(16, 32), 12))]
        for _ in range(count)
    ]
    return write_dataset(folder, photos, {1000: "subject"}, kind)


def write_shapes_dataset(folder: Path, count: int, height: int = 96, width: int = 128) -> Path:
    """``count`` photos with a large disc and a small square, or the reverse, wholly annotated."""
    random = np.random.default_rng(6)
    photos = []
    for number in range(count):
        x, y = random.uniform(0.5, 0.6) * width, random.uniform(0.45, 0.55) * height
        radius = 0.3 * height
        square = np.zeros((height, width), dtype=np.uint8)
        if number % 2:
            top, left = int(y - radius), int(x - radius)
            square[top : top + int(2 * radius), left : left + int(2 * radius)] = 1
            round_one = disc(height, width, 10, 10, 8)
        else:
            round_one = disc(height, width, x, y, radius)
            square[2:18, 2:18] = 1
        photos.append([(3, round_one), (7, square)])
    return write_dataset(folder, photos, {3: "disc", 7: "square"}, "instance")


def write_dataset(
    folder: Path,
    photos: list[list[tuple[int, np.ndarray]]],
    categories: dict[int, str],
    kind: str,
) -> Path:
    """Write photos of masks (category, uint8 (H, W)) and their annotations; returns the json."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number, masks in enumerate(photos, start=1):
        height, width = masks[0][1].shape
        pixels = np.full((height, width, 3), (40, 90, 160), dtype=np.uint8)
        for category, mask in masks:
            pixels[mask == 1] = (60, 200, 80) if category == 7 else (220, 60, 40)
            annotations.append(_annotation(len(annotations) + 1, number, category, mask))
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
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
    named = [{"id": number, "name": name} for number, name in categories.items()]
    content = {"images": images, "annotations": annotations, "categories": named}
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path


def _annotation(number: int, image: int, category: int, mask: np.ndarray) -> dict[str, Any]:
    rle = rle_tools.encode(np.asfortranarray(mask))
    rle["counts"] = rle["counts"].decode()
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "iscrowd": 0,
        "area": int(mask.sum()),
        "bbox": rle_tools.toBbox(rle).tolist(),
        "segmentation": rle,
    }
