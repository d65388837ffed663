"""Make the pictures of the README and of the examples from photos that two libraries ship.

Run it from a checkout with the package installed: ``python docs/scripts/make_pictures.py``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import skimage
from PIL import Image

from vx_detectron.config import load_cfg
from vx_detectron.deliver import Background, compose, parse_background
from vx_detectron.errors import NoSubjectError
from vx_detectron.image_io import read_photo
from vx_detectron.pipeline import Isolator

SCIKIT_IMAGE = Path(skimage.__file__).parent / "data"
MATPLOTLIB = Path(matplotlib.get_data_path()) / "sample_data"
# Scenes and things; no textures, scans or medical pictures, and nothing without a stated licence.
SAMPLES = (
    *(SCIKIT_IMAGE / f"{name}.png" for name in ("astronaut", "camera", "chelsea", "clock_motion")),
    *(SCIKIT_IMAGE / name for name in ("coffee.png", "coins.png", "hubble_deep_field.jpg")),
    SCIKIT_IMAGE / "rocket.jpg",
    MATPLOTLIB / "grace_hopper.jpg",
)
PICTURES = Path(__file__).parents[1] / "pictures"
HEIGHT = 240  # pixels of each panel
BACKGROUNDS = ("black", "#3a7d44", "blur:3")


def panels(isolator: Isolator, path: Path) -> Image.Image:
    """The photo, then its subject before each background, side by side; if it has one."""
    photo = read_photo(path).pixels
    pictures = [photo]
    try:
        cutout = isolator.isolate(photo)
    except NoSubjectError as error:
        print(f"{path.name}: {error}")
    else:
        print(f"{path.name}: {cutout.subject.reason}")
        for text in BACKGROUNDS:
            background = parse_background(text)
            assert isinstance(background, Background)
            pictures.append(compose(photo, cutout.alpha, background))
    width = round(HEIGHT * photo.shape[1] / photo.shape[0])
    shrunk = [Image.fromarray(picture).resize((width, HEIGHT)) for picture in pictures]
    return Image.fromarray(np.concatenate([np.asarray(one) for one in shrunk], axis=1))


def main() -> None:
    """Write ``pictures/NAME.jpg`` for every sample."""
    isolator = Isolator(load_cfg(None, ["VX.ENGINE", "onnx", "MODEL.DEVICE", "cpu"]))
    PICTURES.mkdir(exist_ok=True)
    for path in SAMPLES:
        panels(isolator, path).save(PICTURES / f"{path.stem}.jpg", quality=85)


if __name__ == "__main__":
    main()
