"""The bundled network's parts: D2Go's names, sizes and weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2_reference import stored
from numpy.typing import NDArray

from vx_detectron.config import load_cfg
from vx_detectron.engines.modeling.fbnet import (
    FBNetBackbone,
    FBNetBoxHead,
    FBNetMaskHead,
    FBNetRPNHead,
)
from vx_detectron.engines.modeling.mask_rcnn import build_model
from vx_detectron.engines.torchvision_engine import TorchvisionEngine


def test_names_and_shapes_are_those_within_detectron2() -> None:
    with torch.device("meta"):
        model = build_model(load_cfg())
    entries = {f"{key} {tuple(value.shape)}" for key, value in model.state_dict().items()}
    assert entries ^ set(stored("names")["fbnet"].tolist()) == set()


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (1, 100)])
def test_the_trunk_gives_four_stages_for_any_size(size: tuple[int, int]) -> None:
    backbone = FBNetBackbone().eval()
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, *size))
    assert backbone.out_strides == {"trunk0": 2, "trunk1": 4, "trunk2": 8, "trunk3": 16}
    for name, stride in backbone.out_strides.items():
        height, width = (-(-side // stride) for side in size)
        assert features[name].shape == (1, backbone.out_channels[name], height, width)


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
    keys = {"MODEL.META_ARCHITECTURE": "GeneralizedRCNN", "MODEL.WEIGHTS": str(file),
            "MODEL.DEVICE": "cpu"}  # fmt: skip
    engine = TorchvisionEngine(load_cfg(None, [part for pair in keys.items() for part in pair]))
    found = engine.predict(astronaut)
    assert found.saliency is None
    assert found.label(0) == "person" and found.scores[0] > 0.9
    mask = found.soft_mask(0)
    assert mask[80:200, 190:260].mean() > 0.9  # the face
    assert mask[:200, :100].max() < 0.5  # the flag
