"""Anchors and proposals, against Detectron2's own answers."""

from __future__ import annotations

import pytest
import torch
from detectron2_reference import STRIDES, pyramid, rpn_case, stored
from fvcore.common.config import CfgNode
from small_networks import NETWORKS, fill, small_cfg
from torch import Tensor

from vx_detectron.modeling.rpn import RPN, AnchorGenerator

CASES = {"r18": "r18", "x50": "x50", "infinite": "r18"}


def build(cfg: CfgNode, network: str) -> RPN:
    rpn = RPN(cfg, dict.fromkeys(STRIDES, 32), STRIDES)
    fill(rpn, NETWORKS[network])
    return rpn


@pytest.mark.parametrize(
    ("name", "generator"),
    [
        ("shared", AnchorGenerator([[20, 33.5]], [[0.5, 1.0, 2.0]], [4, 8, 16], 0.5)),
        ("own", AnchorGenerator([[32], [64], [128]], [[0.3, 1.0]], [4, 8, 16], 0.0)),
    ],
)
def test_anchors_are_those_of_detectron2(name: str, generator: AnchorGenerator) -> None:
    levels = generator(list(pyramid(3, 1).values()))
    expected = [torch.from_numpy(stored("anchors")[f"{name}{level}"]) for level in range(3)]
    assert [len(level) for level in levels] == [len(level) for level in expected]
    assert all(torch.allclose(*pair, atol=1e-4) for pair in zip(levels, expected, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_proposals_are_those_of_detectron2(case: str) -> None:
    cfg, features = rpn_case(case, CASES[case])
    with torch.inference_mode():
        (found,) = build(cfg, CASES[case])(features, [(90, 150)])
    expected = torch.from_numpy(stored("proposals")[case])
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-2)


def test_proposals_of_a_batch_are_those_of_each_image() -> None:
    rpn, one, sizes = build(small_cfg("r18"), "r18"), pyramid(), [(90, 150), (96, 160)]
    other = {name: level.flip(3) for name, level in one.items()}
    both = {name: torch.cat([one[name], other[name]]) for name in one}

    def run(features: dict[str, Tensor], wanted: list[tuple[int, int]]) -> list[Tensor]:
        with torch.inference_mode():
            return rpn(features, wanted)  # type: ignore[no-any-return]

    singly = run(one, sizes[:1]) + run(other, sizes[1:])
    for together, alone in zip(run(both, sizes), singly, strict=True):
        assert torch.allclose(together, alone, atol=1e-2)


def test_no_proposal_may_be_left() -> None:
    rpn = build(small_cfg("r18", MODEL__PROPOSAL_GENERATOR__MIN_SIZE=999), "r18")
    (found,) = rpn(pyramid(), [(90, 150)])
    assert found.shape == (0, 4)
