"""Box arithmetic, against Detectron2's own answers."""

from __future__ import annotations

import torch
from detectron2_reference import PROPOSALS, stored
from small_networks import uniform

from vx_detectron.modeling import boxes

WEIGHTS = (10.0, 10.0, 5.0, 5.0)
SOURCE, TARGET = torch.from_numpy(PROPOSALS[:-1]), torch.from_numpy(PROPOSALS[1:])


def test_deltas_are_those_of_detectron2() -> None:
    expected = torch.from_numpy(stored("deltas")["encoded"])
    assert torch.allclose(boxes.encode(SOURCE, TARGET, WEIGHTS), expected, atol=1e-5)


def test_boxes_from_deltas_are_those_of_detectron2() -> None:
    deltas = 20 * uniform("deltas", (len(SOURCE), 12))
    expected = torch.from_numpy(stored("deltas")["decoded"])
    assert torch.allclose(boxes.decode(deltas, SOURCE, WEIGHTS), expected, rtol=1e-5, atol=1e-3)


def test_a_side_grows_no_more_than_from_16_to_1000_pixels() -> None:
    huge = torch.tensor([[0.0, 0.0, 1e6, 1e6]])
    grown = boxes.decode(huge, torch.tensor([[0.0, 0.0, 16.0, 16.0]]), (1.0, 1.0, 1.0, 1.0))
    assert torch.allclose(grown, torch.tensor([[-492.0, -492.0, 508.0, 508.0]]), atol=1e-2)


def test_decoding_undoes_encoding() -> None:
    source, target = SOURCE[:3], TARGET[:3]  # none grows beyond the limit
    deltas = boxes.encode(source, target, WEIGHTS)
    assert torch.allclose(boxes.decode(deltas, source, WEIGHTS), target, atol=1e-2)


def test_no_boxes_stay_no_boxes() -> None:
    none = torch.zeros(0, 4)
    assert boxes.encode(none, none, WEIGHTS).shape == (0, 4)
    assert boxes.decode(torch.zeros(0, 12), none, WEIGHTS).shape == (0, 12)
    assert boxes.clip(torch.zeros(0, 3, 4), (5, 5)).shape == (0, 3, 4)
    assert boxes.nonempty(none).shape == (0,)


def test_boxes_are_cut_to_the_image() -> None:
    given = torch.tensor([[[-3.0, -2.0, 50.0, 60.0]], [[5.0, 6.0, 7.0, 8.0]]])
    expected = [[[0.0, 0.0, 30.0, 20.0]], [[5.0, 6.0, 7.0, 8.0]]]
    assert boxes.clip(given, (20, 30)).tolist() == expected


def test_a_box_has_something_inside_when_both_sides_are_longer() -> None:
    given = torch.tensor([[0.0, 0, 5, 5], [0, 0, 5, 2], [3, 3, 3, 9], [4, 4, 2, 9]])
    assert boxes.nonempty(given).tolist() == [True, True, False, False]
    assert boxes.nonempty(given, 2.0).tolist() == [True, False, False, False]
