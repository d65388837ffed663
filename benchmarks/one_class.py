"""Data for docs/experiments.md: the main subject of every photo as an instance of one class.

    python benchmarks/one_class.py DATA_JSON IMAGE_ROOT OUTPUT

OUTPUT receives instances.json, for ``VX.DATA.JSON`` with the same IMAGE_ROOT, and ``images`` and
``masks`` of the photos that it holds out, for ``evaluate.py masks``: those that the bundled model's
training held out. Photos whose annotations do not say what the subject is are left out.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from vx_detectron.data.categories import DatasetDict
from vx_detectron.data.coco import read_coco
from vx_detectron.data.splits import make_splits
from vx_detectron.data.subjects import has_subject, subject_mask, subject_rle

HELD_OUT, SEED = 160, 1  # as VX.DATA.VALIDATION and SPLIT_SEED


def one_class(records: list[DatasetDict], split: str) -> list[dict[str, Any]]:
    """The photos with a known subject as COCO's images, each with its ``rle``."""
    return [
        {
            "id": record["image_id"],
            "file_name": record["file_name"],
            "height": record["height"],
            "width": record["width"],
            "split": split,
            "rle": subject_rle(record),
        }
        for record in records
        if has_subject(record)
    ]


def write_held_out(records: list[DatasetDict], folder: Path) -> None:
    """The photos and the masks of their subjects, by image id."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for record in records:
        photo, number = Path(record["file_name"]), record["image_id"]
        shutil.copyfile(photo, folder / "images" / f"{number}{photo.suffix}")
        Image.fromarray(subject_mask(record) * 255).save(folder / "masks" / f"{number}.png")


def main(json_file: str, image_root: str, output: str) -> None:
    """Write all of it."""
    root, folder = Path(image_root), Path(output)
    splits = make_splits(read_coco(Path(json_file), root).records, HELD_OUT, 0, SEED)
    write_held_out(splits.val, folder)
    images = one_class(splits.train, "train") + one_class(splits.val, "val")
    annotations = [
        {"id": image["id"], "image_id": image["id"], "category_id": 1, "segmentation": image["rle"]}
        for image in images
    ]
    for image in images:
        del image["rle"]
        image["file_name"] = str(Path(image["file_name"]).relative_to(root))
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "subject"}],
    }
    (folder / "instances.json").write_text(json.dumps(content), encoding="utf-8")
    print(f"{len(images)} photos, {len(splits.val)} of them held out")


if __name__ == "__main__":
    main(*sys.argv[1:])
