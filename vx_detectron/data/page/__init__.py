"""Self-contained pages: no other file is loaded with them, whatever they contain."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from vx_detectron.image_io.names import printable
from vx_detectron.structures import ByteArray

_HERE = Path(__file__).parent
_LARGEST = 20_000  # bytes of a picture, so that a page with many stays small
_QUALITIES = (72, 45, 20, 5)  # of JPEG; the last one is taken whatever comes of it


def render(template: Path, **values: Any) -> str:
    """Fill in a page that extends ``base.html.jinja`` and may use ``charts.html.jinja``.

    Args:
        template: its file.
        values: what it names. Texts among them may be hostile: they are escaped, and lose what no
            page can hold, such as halves of characters and signs that turn text round.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template.name).render(values)
    return "\n".join(map(printable, page.splitlines()))


def jpeg_uri(pixels: ByteArray) -> str:
    """A small picture, uint8 (H, W, 3) RGB or (H, W) grey, as a data URI."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= _LARGEST:
            break
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
