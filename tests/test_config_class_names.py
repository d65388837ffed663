"""The classes of COCO, and those of a network of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vx_detectron.config import load_cfg
from vx_detectron.config.class_names import COCO, COCO_IDS, class_names
from vx_detectron.errors import ConfigError


def test_there_are_80_of_them_each_with_its_id() -> None:
    assert len(set(COCO)) == len(set(COCO_IDS)) == 80
    assert (COCO_IDS[0], COCO_IDS[-1]) == (1, 90)


def test_ids_and_names_are_those_of_coco_files(shared: Path) -> None:
    content = json.loads((shared / "data" / "instances.json").read_text(encoding="utf-8"))
    official = {one["id"]: one["name"] for one in content["categories"] if one["id"] <= 90}
    ours = dict(zip(COCO_IDS, COCO, strict=True))
    assert official and all(ours[number] == name for number, name in official.items())


def test_without_names_the_network_speaks_coco() -> None:
    assert class_names(load_cfg()) == COCO


def test_names_of_ones_own_are_taken() -> None:
    keys = ["MODEL.ROI_HEADS.NUM_CLASSES", "2", "VX.CLASS_NAMES", "['cup', 'spoon']"]
    assert class_names(load_cfg(None, keys)) == ("cup", "spoon")


def test_another_number_of_classes_needs_names() -> None:
    with pytest.raises(ConfigError, match=r"NUM_CLASSES is 3, but there are 80 .*VX.CLASS_NAMES"):
        class_names(load_cfg(None, ["MODEL.ROI_HEADS.NUM_CLASSES", "3"]))
