"""ResNet trunks and their feature pyramid, against torchvision's ResNets and Detectron2's names."""

from __future__ import annotations

import re

import pytest
import torch
import torchvision
from detectron2_reference import FULL_SIZE, stored
from small_networks import small_cfg
from torch import nn

from vx_detectron.config import load_cfg
from vx_detectron.modeling.mask_rcnn import build_model
from vx_detectron.modeling.resnet import ResNet

R18, R50, X101 = FULL_SIZE["r18"], FULL_SIZE["r50"], FULL_SIZE["x101"]


def torchvision_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Our trunk's entries under torchvision's names."""
    renamed = {}
    for name, value in state.items():
        name = re.sub(r"^stem\.conv1\.norm", "bn1", name)
        name = re.sub(r"^stem\.conv1", "conv1", name)
        name = re.sub(r"^res(\d)", lambda stage: f"layer{int(stage[1]) - 1}", name)
        name = name.replace("shortcut.norm", "downsample.1").replace("shortcut", "downsample.0")
        renamed[re.sub(r"conv(\d)\.norm", r"bn\1", name)] = value
    return renamed


@pytest.mark.parametrize(
    ("cfg", "theirs"),
    [
        (load_cfg(R18), torchvision.models.resnet18),
        (
            load_cfg(
                R50, ["MODEL.RESNETS.STRIDE_IN_1X1", "False", "MODEL.RESNETS.NUM_GROUPS", "32",
                      "MODEL.RESNETS.WIDTH_PER_GROUP", "4"]
            ),
            torchvision.models.resnext50_32x4d,
        ),
    ],
    ids=["resnet18", "resnext50"],
)  # fmt: skip
def test_the_trunk_computes_what_torchvisions_does(cfg: object, theirs: type[nn.Module]) -> None:
    ours, reference = ResNet(cfg).eval(), theirs().eval()
    fitting = torchvision_names(ours.state_dict())
    missing = set(reference.state_dict()) - set(fitting)
    assert {name for name in missing if not name.endswith("num_batches_tracked")} == {
        "fc.weight",
        "fc.bias",
    }
    reference.load_state_dict(fitting, strict=False)
    x = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    layers = [f"layer{number}" for number in range(1, 5)]
    with torch.inference_mode():
        expected = torchvision.models._utils.IntermediateLayerGetter(
            reference, {layer: layer for layer in layers}
        )(x)
        found = ours(x)
    for stage, layer in zip(("res2", "res3", "res4", "res5"), layers, strict=True):
        assert torch.allclose(found[stage], expected[layer], rtol=1e-3, atol=1e-4), stage


def test_msra_networks_have_the_stride_in_the_first_convolution() -> None:
    strides = {}
    for in_1x1 in (True, False):
        block = ResNet(small_cfg("r50", MODEL__RESNETS__STRIDE_IN_1X1=in_1x1)).res3[0]
        strides[in_1x1] = (block.conv1.stride[0], block.conv2.stride[0])
    assert strides == {True: (2, 1), False: (1, 2)}


@pytest.mark.parametrize("name", ["r18", "r50", "x101"])
def test_names_and_shapes_are_those_of_detectron2(name: str) -> None:
    with torch.device("meta"):
        model = build_model(load_cfg(FULL_SIZE[name]))
    entries = {f"{key} {tuple(value.shape)}" for key, value in model.state_dict().items()}
    assert entries ^ set(stored("names")[name].tolist()) == set()


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        ("r18", {"p2": (24, 40), "p3": (12, 20), "p4": (6, 10), "p5": (3, 5), "p6": (2, 3)}),
        ("x50", {"p3": (12, 20), "p4": (6, 10), "p5": (3, 5), "p6": (2, 3)}),
    ],
)
def test_levels_have_the_sizes_of_their_strides(
    network: str, sizes: dict[str, tuple[int, int]]
) -> None:
    backbone = build_model(small_cfg(network)).backbone
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, 96, 160))
    assert {name: tuple(level.shape) for name, level in features.items()} == {
        name: (1, 32, *size) for name, size in sizes.items()
    }
    assert {name: 2 ** int(name[1]) for name in sizes} == backbone.out_strides


def test_photos_are_normalised_then_padded_with_zeros_to_the_top_stride() -> None:
    model = build_model(small_cfg("r18"))
    photos = [torch.full((3, 33, 40), 255.0), torch.full((3, 20, 65), 255.0)]
    batch = model.normalise(photos)
    assert batch.shape == (2, 3, 64, 96)
    expected = (255 - torch.tensor([103.53, 116.28, 123.675])) / torch.tensor(
        [57.375, 57.12, 58.395]
    )
    assert torch.allclose(batch[0, :, 0, 0], expected)
    assert batch[0, :, 33:].abs().max() == batch[1, :, :, 65:].abs().max() == 0
    assert batch[1, 0, 19, 64] == expected[0]


@pytest.mark.parametrize(("stages", "frozen"), [(0, set()), (2, {"stem", "res2"})])
def test_the_first_stages_can_be_frozen(stages: int, frozen: set[str]) -> None:
    backbone = build_model(small_cfg("r18", MODEL__BACKBONE__FREEZE_AT=stages)).backbone
    still = {name for name, part in backbone.bottom_up.named_children()
             if not any(value.requires_grad for value in part.parameters())}  # fmt: skip
    assert still == frozen
