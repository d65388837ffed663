"""The eye's loss, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from vx_detectron.modeling.saliency_loss import saliency_loss


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


def test_the_truth_of_a_cell_beyond_the_image_is_that_of_the_part_within() -> None:
    truth = torch.zeros(1, 1, 8, 7)
    truth[..., 6:] = 1.0  # the last cell of 2 x 2 is within by half, and all subject there
    logits = 40 * (torch.tensor([0.0, 0.0, 0.0, 1.0]) - 0.5).expand(1, 1, 4, 4)
    assert saliency_loss([logits], truth).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("edge_weight", [0.0, 5.0])
def test_what_pads_a_photo_changes_nothing(edge_weight: float) -> None:
    """The subject touches the photo's border, beyond which nothing is known."""
    logits = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    subject = torch.zeros(1, 1, 8, 8)
    subject[..., 3:] = 1.0
    padded = saliency_loss(
        [F.pad(logits, (0, 4, 0, 3), value=9.0)],
        F.pad(subject, (0, 4, 0, 3), value=-1.0),
        edge_weight,
    )
    alone = saliency_loss([logits], subject, edge_weight)
    assert padded.item() == pytest.approx(alone.item(), rel=1e-5)


def test_a_cell_known_in_part_is_what_that_part_is() -> None:
    subject = torch.full((1, 1, 8, 8), -1.0)
    subject[..., 1::2] = 1.0
    assert saliency_loss([torch.full((1, 1, 4, 4), 40.0)], subject).item() == pytest.approx(0.0)


def test_a_photo_of_which_nothing_is_known_does_not_dilute_the_others() -> None:
    logits = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    subject = (torch.arange(8.0) > 3).float().expand(1, 1, 8, 8)
    both = torch.cat([subject, torch.full_like(subject, -1.0)])
    alone = saliency_loss([logits], subject)
    assert saliency_loss([logits.expand(2, 1, 8, 8)], both).item() == pytest.approx(alone.item())
