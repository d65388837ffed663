"""Make the pictures of the README from photos that scikit-image ships.

Run it from a checkout with the package installed: ``python docs/scripts/make_pictures.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from vx_detectron.config import load_cfg
from vx_detectron.deliver import Background, compose, parse_background
from vx_detectron.image_io import read_photo
from vx_detectron.pipeline import Isolator

SAMPLES = Path(skimage.__file__).parent / "data"
PICTURES = Path(__file__).parents[1] / "pictures"
HEIGHT = 300  # pixels of each panel
BACKGROUNDS = ("black", "#3a7d44", "blur:3")


def panels(isolator: Isolator, name: str) -> Image.Image:
    """The photo, then its subject before each background, side by side."""
    photo = read_photo(SAMPLES / name).pixels
    cutout = isolator.isolate(photo)
    print(f"{name}: {cutout.subject.reason}")
    pictures = [photo]
    for text in BACKGROUNDS:
        background = parse_background(text)
        assert isinstance(background, Background)
        pictures.append(compose(photo, cutout.alpha, background))
    width = round(HEIGHT * photo.shape[1] / photo.shape[0])
    shrunk = [Image.fromarray(picture).resize((width, HEIGHT)) for picture in pictures]
    return Image.fromarray(np.concatenate([np.asarray(one) for one in shrunk], axis=1))


def main() -> None:
    """Write ``pictures/NAME.jpg`` for every sample."""
    isolator = Isolator(load_cfg(None, ["VX.ENGINE", "torchvision", "MODEL.DEVICE", "cpu"]))
    PICTURES.mkdir(exist_ok=True)
    for name in ("astronaut.png", "chelsea.png", "coffee.png"):
        panels(isolator, name).save(PICTURES / f"{Path(name).stem}.jpg", quality=85)


if __name__ == "__main__":
    main()
