"""Pooling, box head, selection and mask head, against Detectron2's own answers."""

from __future__ import annotations

import pytest
import torch
from detectron2_reference import PROPOSALS, STRIDES, pyramid, stored
from small_networks import NETWORKS, fill, small_cfg

from vx_detectron.modeling.roi_heads import Detections, ROIPooler, StandardROIHeads

BOXES = torch.from_numpy(PROPOSALS)
SIZE = (90, 150)


def build(network: str, **overrides: object) -> StandardROIHeads:
    channels = dict.fromkeys(STRIDES, 32)
    heads = StandardROIHeads(small_cfg(network, **overrides), channels, STRIDES)
    fill(heads, NETWORKS[network])
    return heads


def run(heads: StandardROIHeads, proposals: torch.Tensor = BOXES) -> Detections:
    with torch.inference_mode():
        (found,) = heads(pyramid(), [proposals], [SIZE])
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["ROIAlign", "ROIAlignV2"])
@pytest.mark.parametrize("ratio", [0, 2])
def test_pooling_is_that_of_detectron2(kind: str, ratio: int) -> None:
    pooler = ROIPooler(3, [4, 8, 16, 32], ratio, kind)
    found = pooler(list(pyramid(4, 3).values()), [BOXES])
    assert torch.allclose(found, torch.from_numpy(stored("pooled")[f"{kind}{ratio}"]), atol=1e-5)


def test_pooling_from_one_level_is_that_of_detectron2() -> None:
    found = ROIPooler(3, [8], 0, "ROIAlignV2")([pyramid(4, 3)["p3"]], [BOXES])
    assert torch.allclose(found, torch.from_numpy(stored("pooled")["one"]), atol=1e-5)


@pytest.mark.parametrize("name", ["r18", "x50"])
def test_detections_are_those_of_detectron2(name: str) -> None:
    found, expected = run(build(name)), stored("detections")
    assert len(found.boxes) > 2
    assert found.classes.tolist() == expected[f"{name}_classes"].tolist()
    for field, tolerance in (("boxes", 1e-2), ("scores", 1e-5), ("masks", 1e-3)):
        reference = torch.from_numpy(expected[f"{name}_{field}"]).float()
        assert torch.allclose(getattr(found, field), reference, atol=tolerance)


def test_detections_fall_in_score_and_lie_in_the_image() -> None:
    found = run(build("r18", MODEL__ROI_HEADS__SCORE_THRESH_TEST=0.05))
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert found.scores.min() > 0.05
    assert found.boxes.min() >= 0
    assert found.boxes[:, 2].max() <= SIZE[1] and found.boxes[:, 3].max() <= SIZE[0]


def test_the_number_of_detections_has_a_limit_and_a_negative_one_is_none() -> None:
    everything = run(build("r18", TEST__DETECTIONS_PER_IMAGE=-1))
    assert len(run(build("r18", TEST__DETECTIONS_PER_IMAGE=100)).boxes) == len(everything.boxes)
    limited = run(build("r18", TEST__DETECTIONS_PER_IMAGE=2))
    assert torch.equal(limited.scores, everything.scores[:2])


@pytest.mark.parametrize("name", ["r18", "x50", "fbnet"])
def test_nothing_may_be_found(name: str) -> None:
    cfg = small_cfg(name, MODEL__ROI_HEADS__SCORE_THRESH_TEST=1.0)
    features, strides = pyramid(), STRIDES
    if name == "fbnet":
        features, strides = {"trunk3": torch.zeros(1, 112, 6, 10)}, {"trunk3": 16}
    channels = {level: value.shape[1] for level, value in features.items()}
    heads = StandardROIHeads(cfg, {**STRIDES, **channels}, strides).eval()
    for proposals in (BOXES, BOXES[:0]):
        with torch.inference_mode():
            (found,) = heads(features, [proposals], [SIZE])
        assert found.boxes.shape == (0, 4)
        assert found.scores.shape == found.classes.shape == (0,)
        assert found.masks.shape == (0, 28, 28)


def test_detections_of_a_batch_are_those_of_each_image() -> None:
    heads = build("r18")
    batch = {name: torch.cat([level, level]) for name, level in pyramid().items()}
    with torch.inference_mode():
        both = heads(batch, [BOXES[:4], BOXES[4:]], [SIZE, SIZE])
    for together, proposals in zip(both, (BOXES[:4], BOXES[4:]), strict=True):
        alone = run(heads, proposals)
        assert together.classes.tolist() == alone.classes.tolist()
        assert torch.allclose(together.boxes, alone.boxes, atol=1e-3)
        assert torch.allclose(together.masks, alone.masks, atol=1e-4)


def test_a_region_whose_numbers_are_not_finite_is_dropped() -> None:
    heads = build("r18")
    with torch.no_grad():
        heads.box_predictor.bbox_pred.bias[:4] = torch.nan
    assert len(run(heads).boxes) == 0
