"""The running average of weights, and the figure that the best weights are chosen by."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vx_detectron.training.averaging import averaged
from vx_detectron.training.early_stopping import Best


def set_all(model: nn.Module, value: float) -> None:
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.detach().fill_(value)


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # After n steps no more than (1 + n) / (10 + n) is kept: 2/11, 3/12.
        (0.999, [1.0, 1.0 + 9 / 11 * 1.0, (1.0 + 9 / 11) * 0.25 + 0.75 * 3.0]),
        (0.1, [1.0, 1.9, 2.89]),
        (0.0, [1.0, 2.0, 3.0]),
    ],
)
def test_the_average_follows_the_weights_and_the_statistics(
    decay: float, expected: list[float]
) -> None:
    model = nn.BatchNorm2d(1)
    average = averaged(model, decay)
    for value, mean in zip((1.0, 2.0, 3.0), expected, strict=True):
        set_all(model, value)
        average.update_parameters(model)
        assert average.module.weight.item() == pytest.approx(mean)
        assert average.module.running_var.item() == pytest.approx(mean)
        assert average.module.num_batches_tracked.item() == value  # a counter, not a mean
    assert not average.module.training and model.training


def test_what_does_not_move_stays_the_very_same() -> None:
    model = nn.Linear(3, 3)
    average = averaged(model, 0.37)
    start = model.weight.detach().clone()
    for _ in range(5):
        average.update_parameters(model)
    assert torch.equal(average.module.weight, start)


def test_the_best_and_the_patience() -> None:
    best, values = Best(), [0.0, 0.5, 0.5, 0.4, 0.6, 0.1]
    seen = [best.update({"subject_iou": value}, step) for step, value in enumerate(values)]
    assert seen == [True, True, False, False, True, False]
    assert (best.value, best.iteration, best.waited) == (0.6, 4, 1)
    assert best.exhausted(1) and not best.exhausted(2) and not best.exhausted(0)
    other = Best()
    other.load_state_dict(best.state_dict())
    assert other == best and best.figures == {"subject_iou": 0.6}


def test_the_best_by_average_precision_or_the_mean_of_both() -> None:
    mask, mean, subject = Best("segm_AP"), Best("mean"), Best()
    for step, (iou, precision) in enumerate([(0.9, 0.0), (0.7, 0.3), (0.5, 0.4)]):
        for best in (mask, mean, subject):
            best.update({"subject_iou": iou, "segm_AP": precision}, step)
    assert (mask.iteration, mask.value) == (2, 0.4)
    assert (mean.iteration, mean.value) == (1, pytest.approx(0.5))
    assert (subject.iteration, subject.value) == (0, 0.9)
    other = Best("segm_AP")
    other.load_state_dict(subject.state_dict())  # another figure: none of it counts
    assert other == Best("segm_AP")
