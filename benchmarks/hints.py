"""How soon the page shows what a stroke changed, in photos of several sizes.

    python benchmarks/hints.py [--strokes 9]

Draws one stroke after another, with the requests that the page sends to the server: each holds all
strokes so far and asks for a small mask, which the page lays over the photo. The first stroke,
which loads the decoder and makes what later ones reuse, is told apart; of the others the median and
the slowest.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import click
import skimage
from flask.testing import FlaskClient
from PIL import Image

from web import create_app

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
PREVIEW = {"format": "webp", "quality": "88", "megapixels": "1.5"}  # photos.js
QUICK = {"mask_only": "true", "format": "png", "megapixels": "0.35", "start": "cut"}  # listen.js
SIZES = (640, 480), (1600, 1200), (4000, 3000), (8000, 6000)
_LENGTH = 0.08  # of a stroke, in widths of the photo


@click.command(context_settings={"show_default": True})
@click.option("--strokes", type=click.IntRange(2), default=9)
def main(strokes: int) -> None:
    """Print milliseconds from the stroke to the picture."""
    client = create_app().test_client()
    print(f"astronaut of scikit-image, {strokes} strokes")
    for width, height in SIZES:
        name = opened(client, width, height)
        took = []
        for count in range(1, strokes + 1):
            hints = {"strokes": [stroke(number, width, height) for number in range(count)]}
            started = perf_counter()
            compose(client, name, {**QUICK, "hints": json.dumps(hints)})
            took.append(1000 * (perf_counter() - started))
        first, *others = took
        print(f"{width}x{height}: first {first:.0f} ms, then {median(others):.0f} ms, "
              f"at most {max(others):.0f} ms")  # fmt: skip


def opened(client: FlaskClient, width: int, height: int) -> str:
    """The name of an opened photo, which the page shows cut out by now."""
    file = io.BytesIO()
    with Image.open(PHOTO) as photo:
        photo.convert("RGB").resize((width, height)).save(file, "JPEG", quality=90)
    file.seek(0)
    answer = client.post("/api/v1/instances", data={"image": (file, "a.jpg")})
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    name: str = answer.get_json()["id"]
    compose(client, name, PREVIEW)
    return name


def compose(client: FlaskClient, name: str, fields: dict[str, Any]) -> None:
    """One picture of it."""
    answer = client.post(f"/api/v1/instances/{name}/compose", data=fields)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.mimetype == f"image/{fields['format']}"


def stroke(number: int, width: int, height: int) -> dict[str, Any]:
    """One of a column of strokes, alternately to drop and to keep, beside the person's shoulder."""
    x, y = 0.55 * width, (0.5 + 0.04 * (number % 10)) * height
    kind = "keep" if number % 2 else "drop"
    return {
        "kind": kind,
        "width": max(width // 60, 1),
        "points": [[x, y], [x + _LENGTH * width, y]],
    }


if __name__ == "__main__":
    main()
