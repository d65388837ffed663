"""Losses stay on their device until somebody asks for them."""

from __future__ import annotations

import math

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from vx_detectron.errors import TrainingError
from vx_detectron.training.pending import PendingLosses


def test_they_come_in_the_order_of_their_steps_and_once() -> None:
    pending = PendingLosses()
    for step in (4, 5):
        losses = {"a": torch.tensor(step + 0.5), "b": torch.tensor(2.0, dtype=torch.bfloat16)}
        pending.add(step, losses, ["x.jpg"])
    assert list(pending.read()) == [(4, {"a": 4.5, "b": 2.0}), (5, {"a": 5.5, "b": 2.0})]
    assert list(pending.read()) == []


def test_the_first_step_that_is_not_finite_is_named() -> None:
    pending = PendingLosses()
    for step, value in enumerate((1.0, math.nan, math.inf)):
        pending.add(step, {"a": torch.tensor(value)}, [f"{step}.jpg"])
    with pytest.raises(TrainingError, match=r"a = nan at iteration 1, with the photos 1\.jpg"):
        list(pending.read())


def test_nothing_waits_for_the_values_before_they_are_read() -> None:
    pending = PendingLosses()
    with FakeTensorMode():  # tensors without values: whoever asks for one fails
        loss = torch.ones((), requires_grad=True) * 2
        pending.add(0, {"a": loss}, ["x.jpg"])
        with pytest.raises(DataDependentOutputException):
            loss.item()
