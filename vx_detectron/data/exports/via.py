"""VGG Image Annotator, versions 1 and 2: a project, or the annotations exported from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vx_detectron.data.exports.content import Content, ellipse, is_marked
from vx_detectron.errors import DataError

UNNAMED = "object"
"""The class of regions without one."""

_CLASS = ("class", "label", "name", "type", "category", "object")


def recognises(found: Any) -> bool:
    """Whether the content of a json file is VIA's."""
    return bool(_entries(found))


def read(found: Any, image_root: Path) -> dict[str, Any]:
    """The content of a COCO file; sizes are left to be read from the photos.

    Raises:
        DataError: a region is invalid.
    """
    content = Content()
    for entry in _entries(found):
        image = content.add_image(image_root / entry["filename"].replace("\\", "/"))
        regions = entry["regions"]
        for region in regions.values() if isinstance(regions, dict) else regions:
            try:
                shape, attributes = region["shape_attributes"], region.get("region_attributes", {})
                marked = {"subject": True} if is_marked(attributes) else {}
                content.add(image, _class(attributes), _mask(shape), **marked)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                name = entry["filename"]
                raise DataError(f"{name}: a VIA region is invalid: {error!r:.80}") from error
    return content.whole()


def _entries(found: Any) -> list[dict[str, Any]]:
    """The photos of a project or of an export; none where it is neither."""
    photos = found.get("_via_img_metadata", found) if isinstance(found, dict) else {}
    entries = list(photos.values()) if isinstance(photos, dict) else []
    fits = all(isinstance(one, dict) and {"filename", "regions"} <= one.keys() for one in entries)
    return entries if fits else []


def _class(attributes: Any) -> str:
    """The region's class: the attribute called so, or else the only one."""
    if not isinstance(attributes, dict):
        return UNNAMED
    others = {k: v for k, v in attributes.items() if k != "subject" and v not in ("", {}, None)}
    named = [others[key] for key in others if key.casefold() in _CLASS]
    value = (named or list(others.values()) or [UNNAMED])[0]
    if isinstance(value, dict):  # of checkboxes: those that are ticked
        value = next((key for key, ticked in value.items() if ticked), UNNAMED)
    return str(value)


def _mask(shape: dict[str, Any]) -> list[list[float]] | None:
    """Polygons; None for what has no area, such as a box, a line or a point."""
    kind = shape["name"]
    if kind == "polygon":
        pairs = zip(shape["all_points_x"], shape["all_points_y"], strict=True)
        return [[float(number) for pair in pairs for number in pair]]
    if kind == "circle":
        return [ellipse(shape["cx"], shape["cy"], shape["r"], shape["r"])]
    if kind == "ellipse" and not shape.get("theta"):
        return [ellipse(shape["cx"], shape["cy"], shape["rx"], shape["ry"])]
    return None
