"""A cat and a cup, annotated by hand, with labels of what is the subject."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from shipped_photos import photo

from vx_detectron.rle import encode_mask, mask_area, mask_box

CAT, CUP, SPOON = 17, 47, 50


def write_labelled_photos(folder: Path) -> tuple[Path, Path, Path]:
    """Labels, COCO json and photos: 1 is the cat, 2 the cup, and 3 is labelled but not there."""
    images = folder / "photos"
    images.mkdir()
    things = {
        "chelsea.png": [(CAT, (100, 0, 440, 299)), (CUP, (2, 2, 22, 22))],
        "coffee.png": [(CUP, (130, 80, 470, 310)), (SPOON, (70, 120, 130, 290))],
    }
    content: dict[str, list] = {"images": [], "annotations": [], "categories": []}
    for number, (name, boxes) in enumerate(things.items(), start=1):
        picture = Image.fromarray(photo(name))
        picture.save(images / name)
        width, height = picture.size
        content["images"].append(
            {"id": number, "file_name": name, "width": width, "height": height}
        )
        for category, box in boxes:
            mask = Image.new("1", picture.size)
            ImageDraw.Draw(mask).ellipse(box, fill=1)
            rle = encode_mask(np.asarray(mask))
            content["annotations"].append(
                {
                    "id": 10 + len(content["annotations"]),
                    "image_id": number,
                    "category_id": category,
                    "segmentation": rle,
                    "area": mask_area(rle),
                    "bbox": mask_box(rle),
                    "iscrowd": 0,
                }
            )
    names = {CAT: "cat", CUP: "cup", SPOON: "spoon"}
    content["categories"] = [{"id": number, "name": name} for number, name in names.items()]
    labels = [
        {"image_id": 1, "candidates": [10, 11], "subject": [10], "accepted": [[10]]},
        {"image_id": 2, "candidates": [12, 13], "subject": [12], "accepted": [[12], [12, 13]]},
        {"image_id": 3, "candidates": [14], "subject": [14], "accepted": [[14]]},
    ]
    clear = [{**label, "clear": True, "no_subject": False} for label in labels]
    (folder / "labels.json").write_text(json.dumps(clear))
    (folder / "truth.json").write_text(json.dumps(content))
    return folder / "labels.json", folder / "truth.json", images
