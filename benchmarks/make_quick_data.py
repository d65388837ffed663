"""A small data set for a quick training, out of the pictures that scikit-image ships.

    python benchmarks/make_quick_data.py FOLDER

FOLDER receives ``images`` and ``instances.json``: 96 photos of 128 x 96 pixels, each with a large
shape and a small one, cut out of photos, on grass, gravel or brick. Always the same ones.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from skimage import draw

from vx_detectron.rle import encode_mask

PHOTOS, HEIGHT, WIDTH, SEED = 96, 96, 128, 1
GROUNDS = ("grass.png", "gravel.png", "brick.png")
SURFACES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
CLASSES = ("disc", "square", "triangle")
# Corners on a circle around the middle, the first one at the top; a disc has many.
CORNERS = {"disc": 64, "square": 4, "triangle": 3}

Pixels = NDArray[np.uint8]


def read(name: str) -> Pixels:
    """A picture of scikit-image, uint8 (H, W, 3), RGB."""
    with Image.open(Path(skimage.__file__).parent / "data" / name) as image:
        return np.asarray(image.convert("RGB"))


def crop(random: np.random.Generator, picture: Pixels) -> Pixels:
    """A part of it, of the size of a photo."""
    top = random.integers(picture.shape[0] - HEIGHT + 1)
    left = random.integers(picture.shape[1] - WIDTH + 1)
    return picture[top : top + HEIGHT, left : left + WIDTH]


def shape(name: str, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    """Its mask, bool (HEIGHT, WIDTH)."""
    angle = 2 * np.pi * np.arange(CORNERS[name]) / CORNERS[name]
    corners = np.stack([y - radius * np.cos(angle), x + radius * np.sin(angle)], axis=1)
    mask: NDArray[np.bool_] = draw.polygon2mask((HEIGHT, WIDTH), corners)
    return mask


def photo(random: np.random.Generator) -> tuple[Pixels, list[tuple[int, NDArray[np.bool_]]]]:
    """A photo, and its shapes: class and mask of each."""
    pixels = crop(random, read(str(random.choice(GROUNDS)))).copy()
    large, small = random.choice(len(CLASSES), 2, replace=False)
    x, y = random.uniform(62, 86), random.uniform(40, 56)
    shapes = [
        (large, shape(CLASSES[large], x, y, random.uniform(26, 38))),
        (small, shape(CLASSES[small], 14, random.uniform(14, 82), random.uniform(9, 12))),
    ]
    for _, mask in shapes:
        pixels[mask] = crop(random, read(str(random.choice(SURFACES))))[mask]
    return pixels, shapes


def main(folder: Path) -> None:
    """Write all of it."""
    random = np.random.default_rng(SEED)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], list[dict[str, Any]]()
    for number in range(1, PHOTOS + 1):
        pixels, shapes = photo(random)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        images.append(
            {"id": number, "file_name": f"{number}.png", "height": HEIGHT, "width": WIDTH}
        )
        for kind, mask in shapes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(kind) + 1,
                    "segmentation": encode_mask(mask),
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
