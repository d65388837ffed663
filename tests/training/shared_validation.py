"""One validation by all processes that torchrun starts; each writes what it knows of it.

Start it with torchrun, and give it instances.json and the folder to write to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from fixed_networks import FixedDetector
from torch import nn

from vx_detectron.config import load_cfg
from vx_detectron.data.coco import read_coco
from vx_detectron.data.splits import Splits
from vx_detectron.pipeline import Isolator
from vx_detectron.structures import ByteArray, Instances
from vx_detectron.training import distributed
from vx_detectron.training.photos import Photos
from vx_detectron.training.validation import Validator, judge, measure


class Counting(FixedDetector):
    """Counts the photos it was shown."""

    shown = 0

    def predict(self, image: ByteArray) -> Instances:
        self.shown += 1
        return super().predict(image)


def main(annotations: Path, folder: Path) -> None:
    loaded = read_coco(annotations, annotations.parent / "images")
    records, names = loaded.records, {"person": 5, "cat": 6}
    cfg = load_cfg(None, ["VX.SUBJECT.MIN_SCORE", "0", "OUTPUT_DIR", str(folder)])
    detector = Counting([[20, 10, 61, 51]])
    isolator = Isolator(cfg, detector, None)
    with distributed.process_group(torch.device("cpu")):
        model = nn.BatchNorm2d(3)
        model.running_mean.fill_(1 + distributed.rank())
        photos = Photos([], records, {5: 0}, True, Splits([], records, []))
        validator = Validator(cfg, isolator, model, photos)
        validator.categories = names
        figures = validator.run(0)
        known = {
            "figures": figures,
            "alone": measure(
                judge(Isolator(cfg, FixedDetector([[20, 10, 61, 51]])), records), names
            ),
            "best": validator.best.value,
            "shown": detector.shown,
            "statistics": model.running_mean.tolist(),
        }
        (folder / f"{distributed.rank()}.json").write_text(json.dumps(known))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
