"""The bundled network's parts: D2Go's names, sizes and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2_reference import FULL_SIZE, stored
from numpy.typing import NDArray
from small_networks import fill, small_cfg

from vx_detectron.config import load_cfg
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.modeling.copies import copies_of_detector
from vx_detectron.modeling.fbnet import (
    FBNetBackbone,
    FBNetBoxHead,
    FBNetMaskHead,
    FBNetRPNHead,
)
from vx_detectron.modeling.mask_rcnn import build_model

PHOTO = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["fbnet", "fbnet_fpn"])
def test_names_and_shapes_are_those_within_detectron2(name: str) -> None:
    with torch.device("meta"):
        model = build_model(load_cfg(FULL_SIZE[name]))
    entries = {f"{key} {tuple(value.shape)}" for key, value in model.state_dict().items()}
    assert entries ^ set(stored("names")[name].tolist()) == set()


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (1, 100)])
def test_the_trunk_gives_four_stages_for_any_size(size: tuple[int, int]) -> None:
    backbone = FBNetBackbone().eval()
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, *size))
    assert backbone.out_strides == {"trunk0": 2, "trunk1": 4, "trunk2": 8, "trunk3": 16}
    for name, stride in backbone.out_strides.items():
        height, width = (-(-side // stride) for side in size)
        assert features[name].shape == (1, backbone.out_channels[name], height, width)


def test_a_pyramid_has_a_level_for_each_stage_and_one_above() -> None:
    backbone = build_model(small_cfg("fbnet_fpn")).backbone
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, 96, 160))
    assert backbone.out_strides == {"p2": 4, "p3": 8, "p4": 16, "p5": 32, "p6": 64}
    assert backbone.size_divisibility == 32
    for name, stride in backbone.out_strides.items():
        assert features[name].shape == (1, 32, -(-96 // stride), -(-160 // stride))


def test_the_trunk_of_a_pyramid_starts_as_that_of_the_bundled_network() -> None:
    detector = fill(build_model(small_cfg("fbnet")))
    pyramid = build_model(small_cfg("fbnet_fpn"))
    copies = copies_of_detector(detector.state_dict())
    own = {name for name in pyramid.state_dict() if name.startswith("backbone.bottom_up.")}
    assert own == {name for name in copies if name.startswith("backbone.")}
    pyramid.load_state_dict({name: copies[name] for name in own}, strict=False)
    with torch.inference_mode():
        expected = detector.backbone(PHOTO)
        top = detector.roi_heads.box_head.roi_box_conv(expected["trunk3"])
        found = pyramid.backbone.bottom_up(PHOTO)
    for name, stage in {**expected, "trunk4": top}.items():
        assert torch.equal(found[name], stage), name


def test_the_start_shares_no_memory_with_the_detector() -> None:
    state = build_model(small_cfg("fbnet")).state_dict()
    taken = {value.data_ptr() for value in state.values()}
    assert not any(value.data_ptr() in taken for value in copies_of_detector(state).values())


def test_a_detector_of_another_kind_has_no_start() -> None:
    assert copies_of_detector({"backbone.bottom_up.res2.0.conv1.weight": torch.ones(1)}) == {}


@pytest.mark.parametrize("regions", [0, 2])
def test_heads_take_any_number_of_regions(regions: int) -> None:
    with torch.inference_mode():
        assert FBNetBoxHead(112)(torch.zeros(regions, 112, 6, 6)).shape == (regions, 160)
        masks = FBNetMaskHead(112, 7)(torch.zeros(regions, 112, 14, 14))
    assert masks.shape == (regions, 7, 28, 28)


def test_the_rpn_head_gives_a_logit_and_four_deltas_for_every_anchor() -> None:
    with torch.inference_mode():
        logits, deltas = FBNetRPNHead(112, 15)([torch.zeros(2, 112, 5, 8)])
    assert [level.shape for level in logits] == [(2, 15, 5, 8)]
    assert [level.shape for level in deltas] == [(2, 60, 5, 8)]


def test_with_d2gos_weights_the_astronaut_is_a_person(
    shared: Path, astronaut: NDArray[np.uint8]
) -> None:
    file = shared / "weights" / "d2go_mask_rcnn_fbnetv3a_dsmask_c4.safetensors"
    if not file.is_file():
        pytest.skip("needs D2Go's weights in ../shared/weights")
    keys = ["MODEL.WEIGHTS", str(file), "MODEL.DEVICE", "cpu"]
    found = TorchvisionEngine(load_cfg(None, keys)).predict(astronaut)
    assert found.label(0) == "person" and found.scores[0] > 0.9
    mask = found.soft_mask(0)
    assert mask[80:200, 190:260].mean() > 0.9  # the face
    assert mask[:200, :100].max() < 0.5  # the flag
