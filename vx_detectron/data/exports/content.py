"""A COCO file's content while it grows, and shapes as the polygons it is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vx_detectron.data.categories import number_from

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
          "test": "test"}  # fmt: skip
"""What folders and sections are called, and the split they mean."""

_CORNERS = 72  # of a circle


class Content:
    """Collects photos and annotations by the names of their classes."""

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.ids: dict[str, int] = {}

    def add_image(self, path: Path, **facts: Any) -> int:
        """A photo; its id depends on its last folders and name alone, so that it is stable."""
        number = number_from("/".join(path.parts[-3:]))
        known = {key: value for key, value in facts.items() if value is not None}
        self.images.append({"id": number, "file_name": str(path), **known})
        return number

    def add(self, image: int, name: str, segmentation: Any, **facts: Any) -> None:
        """An annotation; None as its segmentation stands for a box without a mask."""
        self.annotations.append(
            {
                "id": len(self.annotations) + 1,
                "image_id": image,
                "category_id": self.category(name),
                "segmentation": segmentation,
                **facts,
            }
        )

    def category(self, name: str) -> int:
        """The id of a class, numbered as they come."""
        return self.ids.setdefault(name, max(self.ids.values(), default=0) + 1)

    def whole(self) -> dict[str, Any]:
        """The content of a COCO file."""
        return {
            "images": self.images,
            "annotations": self.annotations,
            "categories": [{"id": number, "name": name} for name, number in self.ids.items()],
        }


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> list[float]:
    """A polygon around an ellipse: x0, y0, x1, y1, ..."""
    corners: list[float] = []
    for step in range(_CORNERS):
        angle = 2 * math.pi * step / _CORNERS
        corners += [x + radius_x * math.cos(angle), y + radius_y * math.sin(angle)]
    return corners


def is_marked(attributes: Any) -> bool:
    """Whether a shape's flags or attributes say that it is the subject."""
    if not isinstance(attributes, Mapping):
        return False
    return str(attributes.get("subject", "")).casefold() in ("1", "true", "yes")
