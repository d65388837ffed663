"""The configuration beside the real Detectron2: same keys, same defaults, same files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from vx_detectron import config
from vx_detectron.config import get_cfg, load_cfg, unsupported_keys
from vx_detectron.config.defaults import POINT_REND, flatten
from vx_detectron.errors import ConfigError

pytestmark = pytest.mark.detectron2


def zoo() -> list[Path]:
    """Every yaml file that the real Detectron2 installs; none without it."""
    found = importlib.util.find_spec("detectron2")
    if found is None or found.origin is None:
        return []
    return sorted((Path(found.origin).parent / "model_zoo" / "configs").rglob("*.yaml"))


ZOO = {f"{file.parent.name}/{file.stem}": file for file in zoo()}
# These compute a value with a yaml tag that runs Python.
UNSAFE = {name for name in ZOO if "retina" in name.lower()}


@pytest.fixture(scope="module", autouse=True)
def detectron2_config() -> Any:
    return pytest.importorskip("detectron2.config")


def test_keys_and_defaults_are_those_of_detectron2(detectron2_config: Any) -> None:
    theirs, ours = flatten(detectron2_config.get_cfg()), flatten(get_cfg())
    differing = {key for key in theirs if key not in ours or ours[key] != theirs[key]}
    assert differing == {"MODEL.DEVICE"}
    assert {key: type(ours[key]) for key in theirs} == {k: type(v) for k, v in theirs.items()}
    extra = set(ours) - set(theirs)
    ours_alone = {key for key in extra if not key.startswith(("VX.", "MODEL.FBNET_V2."))}
    assert ours_alone == set(POINT_REND)


def test_the_vx_node_joins_the_tree_of_detectron2(detectron2_config: Any, tmp_path: Path) -> None:
    cfg = detectron2_config.get_cfg()
    config.add_fbnet_config(cfg)
    config.add_point_rend_config(cfg)
    config.add_vx_config(cfg)
    path = tmp_path / "ours.yaml"
    path.write_text(load_cfg().dump(), encoding="utf-8")
    cfg.merge_from_file(str(path))
    assert yaml.safe_load(cfg.dump()) == yaml.safe_load(load_cfg().dump())


@pytest.mark.parametrize("name", sorted(set(ZOO) - UNSAFE) or ["none"])
def test_the_files_of_detectron2_load_unchanged(detectron2_config: Any, name: str) -> None:
    theirs = detectron2_config.get_cfg()
    theirs.merge_from_file(str(ZOO[name]))
    theirs.MODEL.DEVICE = "auto"
    ours = flatten(load_cfg(ZOO[name]))
    assert {key: ours[key] for key in flatten(theirs)} == flatten(theirs)


@pytest.mark.parametrize("name", sorted(UNSAFE) or ["none"])
def test_the_files_of_detectron2_that_run_code_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="only plain yaml"):
        load_cfg(ZOO[name])


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("COCO-InstanceSegmentation/mask_rcnn_R_101_FPN_3x", set()),
        ("COCO-InstanceSegmentation/mask_rcnn_X_101_32x8d_FPN_3x", set()),
        ("Cityscapes/mask_rcnn_R_50_FPN", set()),
        ("LVISv1-InstanceSegmentation/mask_rcnn_R_50_FPN_1x", set()),
        ("Detectron1-Comparisons/mask_rcnn_R_50_FPN_noaug_1x", set()),
        ("quick_schedules/mask_rcnn_R_50_FPN_training_acc_test", set()),
        ("COCO-InstanceSegmentation/mask_rcnn_R_50_C4_1x",
         {"MODEL.BACKBONE.NAME", "MODEL.RESNETS.OUT_FEATURES", "MODEL.ROI_HEADS.NAME"}),
        ("COCO-InstanceSegmentation/mask_rcnn_R_50_DC5_1x",
         {"MODEL.BACKBONE.NAME", "MODEL.RESNETS.OUT_FEATURES", "MODEL.RESNETS.RES5_DILATION"}),
        ("COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x_giou",
         {"MODEL.RPN.BBOX_REG_LOSS_TYPE", "MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_TYPE"}),
        ("Misc/cascade_mask_rcnn_R_50_FPN_1x",
         {"MODEL.ROI_HEADS.NAME", "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG"}),
        ("Misc/mask_rcnn_R_50_FPN_1x_dconv_c3-c5", {"MODEL.RESNETS.DEFORM_ON_PER_STAGE"}),
        ("COCO-Keypoints/keypoint_rcnn_R_50_FPN_1x", {"MODEL.MASK_ON", "MODEL.KEYPOINT_ON"}),
        ("COCO-Detection/faster_rcnn_R_50_FPN_1x", {"MODEL.MASK_ON"}),
    ],
)  # fmt: skip
def test_the_files_of_detectron2_are_honoured_or_refused(name: str, keys: set[str]) -> None:
    assert set(unsupported_keys(load_cfg(ZOO[name]))) == keys


@pytest.mark.parametrize(
    "name", ["R_50_FPN_1x", "R_50_FPN_3x", "R_101_FPN_3x", "X_101_32x8d_FPN_3x"]
)
def test_our_configs_describe_the_networks_of_detectron2(name: str) -> None:
    name = f"COCO-InstanceSegmentation/mask_rcnn_{name}"
    theirs, ours = flatten(load_cfg(ZOO[name])), flatten(load_cfg(name))
    assert {key for key in theirs if ours[key] != theirs[key]} == {"MODEL.WEIGHTS"}
