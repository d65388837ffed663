"""The losses of both engines: same weights, same photos, same seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from annotated import landscape, portrait, street
from detectron2_reference import build
from fvcore.common.config import CfgNode
from numpy.typing import NDArray
from small_networks import NETWORKS, fill, small_cfg
from torch import Tensor, nn

from vx_detectron.config import load_cfg
from vx_detectron.errors import ConfigError
from vx_detectron.modeling.mask_rcnn import build_model
from vx_detectron.modeling.samples import Sample
from vx_detectron.weights import catalog
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_strict

pytest.importorskip("detectron2")
pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning"),
]

Losses = dict[str, Tensor]

# Few enough proposals that none hangs on rounding, and fewer drawn than there are.
DRAW = {
    "MODEL.RPN.PRE_NMS_TOPK_TRAIN": 150,
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": 50,
    "MODEL.RPN.BATCH_SIZE_PER_IMAGE": 60,
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 30,
}
DRAW_ALL = {
    **DRAW,
    "MODEL.RPN.BATCH_SIZE_PER_IMAGE": 100_000,
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 1000,
}
# Every other key that changes a loss, away from its default.
KEYS = {
    "MODEL.RPN.IOU_THRESHOLDS": [0.2, 0.4],
    "MODEL.RPN.POSITIVE_FRACTION": 0.1,
    "MODEL.RPN.LOSS_WEIGHT": 0.7,
    "MODEL.RPN.BBOX_REG_LOSS_WEIGHT": 1.5,
    "MODEL.RPN.SMOOTH_L1_BETA": 0.2,
    "MODEL.RPN.NMS_THRESH": 0.6,
    "MODEL.ROI_HEADS.IOU_THRESHOLDS": [0.3, 0.45],
    "MODEL.ROI_HEADS.IOU_LABELS": [0, -1, 1],
    "MODEL.ROI_HEADS.POSITIVE_FRACTION": 0.1,
    "MODEL.ROI_HEADS.PROPOSAL_APPEND_GT": False,
    "MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_WEIGHT": 0.3,
    "MODEL.ROI_BOX_HEAD.SMOOTH_L1_BETA": 1.0,
}


@pytest.fixture(scope="module")
def samples(
    astronaut: NDArray[np.uint8], coffee: NDArray[np.uint8], chelsea: NDArray[np.uint8]
) -> list[Sample]:
    return [street(coffee), portrait(astronaut), landscape(chelsea)]


def theirs(model: Any, samples: list[Sample]) -> Losses:
    from detectron2.utils.events import EventStorage

    from vx_detectron.engines.detectron2.inputs import to_detectron2

    torch.manual_seed(3)
    with EventStorage():
        losses: Losses = model.train()([to_detectron2(one) for one in samples])
    return losses


def ours(model: Any, samples: list[Sample]) -> Losses:
    torch.manual_seed(3)
    losses: Losses = model.train().losses(samples)
    return losses


def gradients(model: nn.Module, losses: Losses) -> dict[str, Tensor]:
    model.zero_grad()
    torch.stack(list(losses.values())).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def compare(one: Any, other: Any, samples: list[Sample]) -> Losses:
    """Every loss, and the gradient of every parameter; returns ours."""
    left, right = ours(one, samples), theirs(other, samples)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.item() == pytest.approx(right[name].item(), rel=1e-4, abs=1e-7), name
    mine, reference = gradients(one, left), gradients(other, right)
    assert mine.keys() == reference.keys()
    for name, gradient in mine.items():
        scale = reference[name].norm().item()
        # Rounding may push a ReLU over its kink.
        assert (gradient - reference[name]).norm().item() <= 3e-3 * scale + 1e-7, name
    return left


def pair(name: str, keys: dict[str, Any], partial: bool = False) -> tuple[Any, Any]:
    """Our network and Detectron2's, with the same weights."""
    cfg = small_cfg(name, **keys)
    network = NETWORKS[name]
    return fill(build_model(cfg), network), fill(build(_partial(cfg) if partial else cfg), network)


def _partial(cfg: CfgNode) -> CfgNode:
    from vx_detectron.engines.detectron2.partial import with_partial_heads

    return with_partial_heads(cfg)


@pytest.mark.parametrize("name", NETWORKS)
def test_losses_and_gradients(name: str, samples: list[Sample]) -> None:
    losses = compare(*pair(name, DRAW), samples)
    assert all(value.item() > 0.01 for value in losses.values())


@pytest.mark.parametrize("name", ["r18", "fbnet", "fbnet_fpn"])
def test_every_key_of_a_loss(name: str, samples: list[Sample]) -> None:
    losses = compare(*pair(name, {**DRAW, **KEYS}), samples)
    plain = ours(pair(name, DRAW)[0], samples)
    assert all(abs(losses[key].item() - plain[key].item()) > 1e-3 for key in losses)


def test_nothing_annotated(samples: list[Sample]) -> None:
    losses = compare(*pair("fbnet", DRAW), samples[2:] * 2)
    assert {name for name, value in losses.items() if value.item() > 0} == {
        "loss_rpn_cls",
        "loss_cls",
    }


@pytest.mark.parametrize("name", ["r18", "fbnet"])
def test_what_is_not_annotated_is_no_background(name: str, samples: list[Sample]) -> None:
    some = [replace(samples[0], complete=False), samples[1], replace(samples[2], complete=False)]
    one, other = pair(name, DRAW_ALL, partial=True)
    losses = compare(one, other, some)
    complete = ours(one, samples)
    for key in losses:
        same = losses[key].item() == pytest.approx(complete[key].item(), rel=1e-3)
        assert same == (key in ("loss_rpn_loc", "loss_mask"))


def test_where_nothing_is_known_nothing_is_learnt(samples: list[Sample]) -> None:
    losses = compare(*pair("fbnet", DRAW, partial=True), [replace(samples[2], complete=False)] * 2)
    assert all(value.item() == pytest.approx(0.0, abs=1e-6) for value in losses.values())


def test_photos_annotated_in_full_make_no_difference(samples: list[Sample]) -> None:
    compare(*pair("fbnet", DRAW, partial=True), samples)


def test_heads_of_another_kind_take_no_partial_photos() -> None:
    from vx_detectron.engines.detectron2.partial import with_partial_heads

    with pytest.raises(ConfigError, match=r"MODEL\.ROI_HEADS\.NAME must be 'StandardROIHeads'"):
        with_partial_heads(small_cfg("r18", MODEL__ROI_HEADS__NAME="CascadeROIHeads"))


def test_frozen_stages_keep_their_statistics(samples: list[Sample]) -> None:
    """In Detectron2 the batch norms of frozen stages are frozen too, and the others learn."""
    one, other = pair("r18", {**DRAW, "MODEL.BACKBONE.FREEZE_AT": 2})
    before = {name: value.clone() for name, value in one.state_dict().items()}
    compare(one, other, samples)
    after, reference = one.state_dict(), other.state_dict()
    # Detectron2's frozen norms keep the counter of the norms they were; nothing reads it.
    extra = {name for name in reference if name not in after}
    assert all(name.endswith("num_batches_tracked") for name in extra)
    assert all(torch.allclose(after[name], reference[name], atol=1e-5) for name in after)
    moved = {name.split(".")[2] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"res3", "res4", "res5"}


@pytest.mark.skipif(not catalog.bundled(), reason="needs the weights inside the package")
def test_the_bundled_network(samples: list[Sample]) -> None:
    cfg = load_cfg(None, ["MODEL.DEVICE", "cpu", "MODEL.RPN.POST_NMS_TOPK_TRAIN", "100"])
    one, other = build_model(cfg), build(cfg)
    for model in (one, other):
        load_strict(model, read_checkpoint(catalog.resolve(cfg.MODEL.WEIGHTS)), "bundled")
    compare(one, other, samples)


def test_a_sample_for_detectron2(samples: list[Sample]) -> None:
    from detectron2.structures import BitMasks

    from vx_detectron.engines.detectron2.inputs import PartialInstances, to_detectron2

    sample = samples[0]
    given = to_detectron2(sample)
    assert torch.equal(given["image"], sample.image)
    assert (given["height"], given["width"]) == given["instances"].image_size == (128, 160)
    assert (given["file_name"], given["image_id"]) == ("photo.jpg", 1)
    assert torch.equal(given["instances"].gt_boxes.tensor, sample.boxes)
    assert torch.equal(given["instances"].gt_classes, sample.classes)
    assert isinstance(given["instances"].gt_masks, BitMasks)
    assert torch.equal(given["instances"].gt_masks.tensor, sample.masks)
    assert not isinstance(given["instances"], PartialInstances)
    partial = to_detectron2(replace(sample, complete=False))["instances"].to("cpu")
    assert isinstance(partial, PartialInstances)
    assert len(partial) == 4
