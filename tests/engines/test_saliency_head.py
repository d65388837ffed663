"""The saliency head: its sizes, its loss, and what it starts from."""

from __future__ import annotations

import math

import pytest
import torch
from small_networks import fill, small_cfg
from torch.nn import functional as F
from vx_detectron.modeling.saliency_head import (
    SaliencyHead,
    saliency_loss,
    saliency_maps,
)

from vx_detectron.modeling.copies import copies_of_detector
from vx_detectron.modeling.mask_rcnn import build_model


@pytest.mark.parametrize("size", [(64, 96), (50, 78), (2, 40)])
def test_every_level_has_a_map_finest_first(size: tuple[int, int]) -> None:
    head = SaliencyHead([16, 32], 16).eval()
    height, width = (-(-side // 2) for side in size)
    features = [torch.rand(2, 16, *size), torch.rand(2, 32, height, width)]
    with torch.inference_mode():
        logits = head(features)
    expected = [tuple(-(-side // 2**level) for side in size) for level in range(5)]
    assert [tuple(level.shape) for level in logits] == [(2, 1, *one) for one in expected]


def test_the_branch_starts_as_the_detectors_own_stages() -> None:
    model = fill(build_model(small_cfg("fbnet")))
    copies = copies_of_detector(model.state_dict())
    start = {name: value for name, value in copies.items() if name.startswith("sem_seg_head.")}
    mine = {name for name in model.state_dict() if name.startswith("sem_seg_head.stages.")}
    assert start.keys() == mine
    model.load_state_dict(start, strict=False)
    with torch.inference_mode():
        features = model.backbone(torch.rand(1, 3, 64, 96))
        third = model.sem_seg_head.stages[0](features["trunk1"])
        fourth = model.sem_seg_head.stages[1](third)
        fifth = model.sem_seg_head.stages[2](fourth)
        box_head = model.roi_heads.box_head.roi_box_conv(features["trunk3"])
    assert torch.allclose(third, features["trunk2"])
    assert torch.allclose(fourth, features["trunk3"])
    assert torch.allclose(fifth, box_head)


def test_the_start_shares_no_memory_with_the_detector() -> None:
    state = build_model(small_cfg("fbnet")).state_dict()
    taken = {value.data_ptr() for value in state.values()}
    assert not any(value.data_ptr() in taken for value in copies_of_detector(state).values())


def test_a_detector_of_another_kind_has_no_start() -> None:
    assert copies_of_detector({"backbone.bottom_up.res2.0.conv1.weight": torch.ones(1)}) == {}


def target() -> torch.Tensor:
    """The left half of 8 x 8 is the subject."""
    truth = torch.zeros(1, 1, 8, 8)
    truth[..., :4] = 1.0
    return truth


def test_a_perfect_map_costs_nothing_and_a_wrong_one_much() -> None:
    right = 40 * (target() - 0.5)
    assert saliency_loss([right], target()).item() == pytest.approx(0.0, abs=1e-6)
    assert saliency_loss([-right], target()).item() > 10


def test_the_loss_of_an_undecided_map_by_hand() -> None:
    """At 0.5 everywhere: cross-entropy ln 2; 16 in common of 48 in all, one added to both."""
    expected = math.log(2) + 1 - 17 / 49
    assert saliency_loss([torch.zeros(1, 1, 8, 8)], target()).item() == pytest.approx(expected)


def test_coarser_levels_count_two_fifths() -> None:
    one = saliency_loss([torch.zeros(1, 1, 8, 8)], target())
    coarse = saliency_loss([torch.zeros(1, 1, 4, 4)], target())
    both = saliency_loss([torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 4, 4)], target())
    assert both.item() == pytest.approx(one.item() + 0.4 * coarse.item(), rel=1e-5)


def test_what_is_unknown_costs_nothing_and_teaches_nothing() -> None:
    truth = target()
    truth[..., 4:] = -1.0
    logits = (40 * (target() - 0.5)).requires_grad_()
    wrong_there = logits.detach().clone()
    wrong_there[..., 4:] = 40.0
    wrong_there.requires_grad_()
    loss = saliency_loss([wrong_there], truth)
    assert loss.item() == pytest.approx(saliency_loss([logits], truth).item())
    loss.backward()
    assert wrong_there.grad is not None and wrong_there.grad[..., 4:].abs().max() == 0


def test_a_photo_of_which_nothing_is_known_costs_nothing() -> None:
    logits = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = saliency_loss([logits], torch.full((1, 1, 8, 8), -1.0))
    loss.backward()
    assert loss.item() == pytest.approx(0.0)
    assert logits.grad is not None and logits.grad.abs().max() == 0


def test_a_photo_without_a_subject_teaches_emptiness() -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    saliency_loss([logits], torch.zeros(1, 1, 8, 8)).backward()
    assert logits.grad is not None and logits.grad.min() > 0


def test_a_smaller_map_is_compared_with_the_shrunken_truth() -> None:
    logits = 40 * (F.interpolate(target(), size=(4, 4), mode="area") - 0.5)
    assert saliency_loss([logits], target()).item() == pytest.approx(0.0, abs=1e-6)


def test_maps_leave_the_padding_out() -> None:
    logits = torch.zeros(2, 1, 16, 32)
    logits[1, :, 8:] = 99.0
    first, second = saliency_maps(logits, [(64, 128), (32, 100)], stride=4)
    assert first is not None and first.shape == (16, 32)
    assert second is not None and second.shape == (8, 25)
    assert bool((second == 0.5).all())


def test_near_the_edge_a_wrong_pixel_costs_more_by_the_edge_weight() -> None:
    truth = torch.zeros(1, 1, 44, 44)
    truth[..., :22] = 1.0
    right = 10.0 * (2 * truth - 1)
    costs = {}
    for name, column in (("at the edge", 21), ("far from it", 2)):
        logits = right.clone()
        logits[0, 0, 10, column] *= -1
        costs[name] = [saliency_loss([logits], truth, weight).item() for weight in (0.0, 5.0)]
    assert costs["at the edge"][0] == pytest.approx(costs["far from it"][0])
    assert costs["at the edge"][1] > 1.5 * costs["far from it"][1]


def test_a_map_that_reaches_beyond_the_image_is_not_squeezed_into_it() -> None:
    ramp = torch.arange(22.0).expand(1, 1, 3, 22)  # the value of a cell is its place
    (whole,) = saliency_maps(ramp / 4, [(6, 44)])
    assert torch.allclose(whole.logit(), ramp[0, 0] / 4, atol=1e-3)
    (odd,) = saliency_maps(ramp / 4, [(5, 43)])  # 43 pixels are 21.5 cells
    centres = (torch.arange(22.0) + 0.5) * 21.5 / 22 - 0.5
    assert torch.allclose(odd.logit()[0], centres.clamp(min=0) / 4, atol=1e-3)


def test_a_size_that_is_no_multiple_of_32_moves_nothing_in_the_map() -> None:
    """Far from the right border, a photo cut there has the map of the whole one."""
    torch.manual_seed(0)
    head = SaliencyHead([16, 32], 16).eval()
    for stage in head.stages:  # what these see depends on the border even far away
        stage.register_forward_hook(lambda _, __, out: torch.ones_like(out))
    fine = torch.randn(1, 16, 32, 208)
    coarse = F.avg_pool2d(fine.repeat(1, 2, 1, 1), 2)
    with torch.inference_mode():
        whole, cut = head([fine, coarse])[0], head([fine[..., :181], coarse[..., :91]])[0]
    assert cut.shape[-1] == 181
    assert torch.allclose(whole[..., :96], cut[..., :96], atol=1e-6)


def test_the_truth_of_a_cell_beyond_the_image_is_that_of_the_part_within() -> None:
    truth = torch.zeros(1, 1, 8, 7)
    truth[..., 6:] = 1.0  # the last cell of 2 x 2 is within by half, and all subject there
    logits = 40 * (torch.tensor([0.0, 0.0, 0.0, 1.0]) - 0.5).expand(1, 1, 4, 4)
    assert saliency_loss([logits], truth).item() == pytest.approx(0.0, abs=1e-6)
