"""What a training step learns from, and what it costs: worked out by hand, and by torchvision."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from annotated import landscape, portrait, street
from small_networks import NETWORKS, fill, small_cfg
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.ops import FrozenBatchNorm2d, box_iou

from vx_detectron.errors import DataError
from vx_detectron.modeling import losses
from vx_detectron.modeling.boxes import encode
from vx_detectron.modeling.mask_rcnn import MaskRCNN, build_model
from vx_detectron.modeling.matching import BoxSampler, match, subsample
from vx_detectron.modeling.samples import Sample, Target, target_of

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)


def test_boxes_are_matched_by_the_thresholds() -> None:
    iou = torch.tensor([[0.0, 0.1, 0.3, 0.75, 0.2], [0.0, 0.5, 0.2, 0.7, 0.5]])
    annotation, labels = match(iou, [0.3, 0.7], [0, -1, 1], False)
    assert annotation.tolist()[1:] == [1, 0, 0, 1]
    assert labels.tolist() == [0, -1, -1, 1, -1]


def test_every_annotation_has_its_best_boxes_however_bad() -> None:
    iou = torch.tensor([[0.9, 0.1, 0.0], [0.05, 0.2, 0.2]])
    _, strict = match(iou, [0.3, 0.7], [0, -1, 1], False)
    _, lenient = match(iou, [0.3, 0.7], [0, -1, 1], True)
    assert strict.tolist() == [1, 0, 0]
    assert lenient.tolist() == [1, 1, 1]


def test_without_annotations_all_boxes_are_of_the_lowest_label() -> None:
    annotation, labels = match(torch.zeros(0, 3), [0.3, 0.7], [0, -1, 1], True)
    assert annotation.tolist() == labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize("low_quality", [False, True])
def test_matches_are_those_of_torchvision(low_quality: bool) -> None:
    corners = torch.rand(200, 2, generator=torch.Generator().manual_seed(1)) * 40
    sides = 5 + 25 * torch.rand(200, 2, generator=torch.Generator().manual_seed(2))
    boxes = torch.cat([corners, corners + sides], dim=1)
    iou = box_iou(boxes[:7], boxes[7:])
    expected = Matcher(0.6, 0.3, low_quality)(iou)
    annotation, labels = match(iou, [0.3, 0.6], [0, -1, 1], low_quality)
    assert (labels == 1).sum() > 3
    assert torch.equal(labels == 1, expected >= 0)
    assert torch.equal(labels == 0, expected == Matcher.BELOW_LOW_THRESHOLD)
    assert torch.equal(annotation[labels == 1], expected[expected >= 0])


@pytest.mark.parametrize(
    ("count", "fraction", "positive", "negative"),
    [(10, 0.5, 4, 6), (10, 0.25, 2, 8), (100, 0.5, 4, 20), (3, 0.5, 1, 2), (4, 1.0, 4, 0)],
)
def test_as_many_boxes_are_drawn_as_asked_for(
    count: int, fraction: float, positive: int, negative: int
) -> None:
    labels = torch.tensor([1] * 4 + [0] * 20 + [-1] * 9)
    chosen, rest = subsample(labels, count, fraction)
    assert (len(set(chosen.tolist())), len(set(rest.tolist()))) == (positive, negative)
    assert (labels[chosen] == 1).all() and (labels[rest] == 0).all()


def test_the_seed_decides_which() -> None:
    labels = torch.zeros(1000, dtype=torch.int64)
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(subsample(labels, 20, 0.5)[1].tolist())
    assert draws[0] == draws[1] != draws[2]


def target(complete: bool) -> Target:
    """A thing of 10 x 10 in the corner of 20 x 20."""
    masks = torch.zeros(1, 20, 20, dtype=torch.bool)
    masks[0, :10, :10] = True
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    return Target(boxes, torch.tensor([2]), masks, complete)


def test_in_a_photo_not_annotated_in_full_nothing_is_background() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 6], [11, 11, 20, 20], [0, 0, 4, 4]])
    sampler = BoxSampler(small_cfg("r18").MODEL.RPN, allow_low_quality=True)  # 0.3 and 0.7
    drawn = sampler(boxes, target(complete=True))
    assert (drawn.positive.tolist(), sorted(drawn.negative.tolist())) == ([0], [2, 3])
    drawn = sampler(boxes, target(complete=False))
    assert (drawn.positive.tolist(), drawn.negative.tolist()) == ([0], [])
    assert drawn.annotation.tolist() == [0]


def test_boxes_are_encoded_as_by_torchvision() -> None:
    source = torch.tensor([[2.0, 3, 30, 40], [5, 5, 6, 9]])
    truth = torch.tensor([[4.0, 1, 33, 50], [4, 4, 8, 8]])
    weights = (10.0, 10.0, 5.0, 5.0)
    (expected,) = BoxCoder(weights).encode([truth], [source])
    assert torch.allclose(encode(source, truth, weights), expected, atol=1e-5)


@pytest.mark.parametrize(("beta", "cost"), [(0.0, 0.1 + 0.4), (0.2, 0.025 + 0.3)])
def test_the_cost_of_a_box_by_hand(beta: float, cost: float) -> None:
    """The truth lies a tenth of the width to the right: deltas (0.1, 0, 0, 0)."""
    source = torch.tensor([[10.0, 10, 20, 30]])
    moved = source + torch.tensor([1.0, 0, 1, 0])
    deltas = torch.tensor([[0.0, 0, 0, 0.4]])
    loss = losses.box_loss(deltas, source, moved, (1.0, 1.0, 1.0, 1.0), beta)
    assert loss.item() == pytest.approx(cost)


def test_the_cost_of_objectness_by_hand() -> None:
    loss = losses.objectness_loss(torch.tensor([0.0, math.log(3)]), torch.tensor([0.0]))
    assert loss.item() == pytest.approx(2 * math.log(2) + math.log(4 / 3))


def test_mask_targets_by_hand() -> None:
    """Cells of the box that the thing covers by half or more."""
    boxes = torch.tensor([[0.0, 0, 20, 20], [5, 0, 15, 10], [2, 2, 8, 8]])
    found = losses.mask_targets(target(True).masks, torch.zeros(3, dtype=torch.int64), boxes, 2)
    expected = [[[1, 0], [0, 0]], [[1, 0], [1, 0]], [[1, 1], [1, 1]]]
    assert found.tolist() == expected


def test_a_mask_target_is_cut_from_its_own_annotation() -> None:
    masks = torch.stack([target(True).masks[0], ~target(True).masks[0]])
    box = torch.tensor([[2.0, 2, 8, 8], [2.0, 2, 8, 8]])
    found = losses.mask_targets(masks, torch.tensor([1, 0]), box, 3)
    assert found.mean(dim=(1, 2)).tolist() == [0.0, 1.0]


def test_the_cost_of_masks_by_hand() -> None:
    truth = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert losses.mask_loss(torch.zeros(1, 2, 2), truth).item() == pytest.approx(math.log(2))
    assert losses.mask_loss(torch.zeros(0, 2, 2), torch.zeros(0, 2, 2)).item() == 0.0


def network(name: str, proposals: int = 50) -> MaskRCNN:
    """Small, and with few boxes to learn from, so that a step is quick."""
    keys = {"MODEL.RPN.POST_NMS_TOPK_TRAIN": proposals, "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 16}
    model = fill(build_model(small_cfg(name, **keys)), NETWORKS[name])
    assert isinstance(model, MaskRCNN)
    return model


DETECTOR = {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg", "loss_mask"}


def backward(found: dict[str, Tensor]) -> Tensor:
    total = torch.stack(list(found.values())).sum()
    total.backward()
    return total


def test_where_nothing_is_known_nothing_is_learnt() -> None:
    model = network("fbnet")
    found = model.losses([landscape(PIXELS, complete=False), landscape(PIXELS, complete=False)])
    assert found.keys() == DETECTOR
    backward(found)
    assert all(value.item() == pytest.approx(0.0, abs=1e-6) for value in found.values())
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients and all(gradient.abs().max() == 0 for gradient in gradients)


def test_classes_are_learnt_from_what_is_annotated_alone() -> None:
    """The annotated box is the only proposal."""
    model = network("fbnet", proposals=0)
    sample = portrait(PIXELS, complete=False)
    found = model.losses([sample])
    features = model.backbone(model.normalise([sample.image]))
    pooled = model.roi_heads.box_pooler([features["trunk3"]], [sample.boxes])
    logits, deltas = model.roi_heads.box_predictor(model.roi_heads.box_head(pooled))
    assert found["loss_cls"].item() == pytest.approx(-logits.log_softmax(1)[0, 2].item(), rel=1e-5)
    # The annotated box need not move: all that its own class's deltas say is wrong.
    assert found["loss_box_reg"].item() == pytest.approx(
        deltas[0, 8:12].abs().sum().item(), rel=1e-4
    )


@pytest.mark.parametrize("name", ["r50", "fbnet"])
def test_a_step_gives_every_trainable_weight_a_finite_gradient(name: str) -> None:
    model = network(name).train()
    frozen = [part for part in model.modules() if isinstance(part, FrozenBatchNorm2d)]
    before = [part.running_mean.clone() for part in frozen]
    assert torch.isfinite(backward(model.losses([street(PIXELS), portrait(PIXELS)])))
    for key, value in model.named_parameters():
        assert (value.grad is not None) == value.requires_grad, key
        assert value.grad is None or torch.isfinite(value.grad).all(), key
    after = [part.running_mean for part in frozen]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_half_precision_gives_full_precision_losses() -> None:
    model, samples = network("fbnet"), [street(PIXELS), portrait(PIXELS)]
    with torch.autocast("cpu", torch.bfloat16):
        found = model.losses(samples)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert torch.isfinite(backward(found))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": torch.tensor([[5.0, 5, 5, 9]])}, r"photo\.jpg: every box must have an area"),
        ({"classes": torch.tensor([4])}, r"photo\.jpg: classes must be 0\.\.3, got \[4\]"),
    ],
)
def test_annotations_that_cannot_be_learnt_from_are_refused(
    change: dict[str, Any], message: str
) -> None:
    sample: Sample = replace(portrait(PIXELS), **change)
    with pytest.raises(DataError, match=message):
        target_of(sample, 4, torch.device("cpu"))
