"""Sizes of crops and resized photos, against Detectron2's own augmentations."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from vx_detectron.data.augmentation.resize import RandomCrop, ResizeScale, ResizeShortestEdge

pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning"),
]
SIZES = [(480, 640), (640, 480), (333, 500), (97, 803), (512, 512), (1, 700), (3000, 31)]


@pytest.fixture(scope="module")
def transforms() -> ModuleType:
    pytest.importorskip("detectron2")
    from detectron2.data import transforms

    return transforms


def drawn_size(transform: v2.Transform, size: tuple[int, int]) -> tuple[int, int]:
    image = tv_tensors.Image(torch.zeros((1, *size), dtype=torch.uint8))
    return tuple(transform(image).shape[-2:])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("length", "longest"), [(320, 512), (800, 1333), (75, 4000), (0, 9)])
def test_shortest_edge(
    transforms: ModuleType, size: tuple[int, int], length: int, longest: int
) -> None:
    expected = size
    if length:
        reference = transforms.ResizeShortestEdge.get_output_shape
        expected = tuple(max(side, 1) for side in reference(*size, length, longest))
    assert drawn_size(ResizeShortestEdge([length], longest, "choice"), size) == expected


def test_shortest_edge_draws_the_same_lengths(transforms: ModuleType) -> None:
    image = np.zeros((200, 300, 3), dtype=np.uint8)
    for lengths, style in (((64, 80, 96), "choice"), ((64, 70), "range")):
        reference = transforms.ResizeShortestEdge(lengths, 1333, style)
        ours = ResizeShortestEdge(lengths, 1333, style)
        expected = {reference.get_transform(image).new_h for _ in range(200)}
        assert {drawn_size(ours, (200, 300))[0] for _ in range(200)} == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [0.1, 0.73, 1.0, 2.0])
def test_scale_jitter(transforms: ModuleType, size: tuple[int, int], scale: float) -> None:
    image = np.zeros((*size, 3), dtype=np.uint8)
    reference = transforms.ResizeScale(scale, scale, 320, 320).get_transform(image)
    expected = max(reference.new_h, 1), max(reference.new_w, 1)
    assert drawn_size(ResizeScale([scale, scale], 320), size) == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("kind", "crop"), [("relative", (0.3, 0.75)), ("absolute", (100, 600))])
def test_crop(
    transforms: ModuleType, size: tuple[int, int], kind: str, crop: tuple[float, float]
) -> None:
    expected = transforms.RandomCrop(kind, crop).get_crop_size(size)
    assert drawn_size(RandomCrop(kind, crop), size) == tuple(max(side, 1) for side in expected)


@pytest.mark.parametrize(
    ("kind", "crop"), [("relative_range", (0.3, 0.8)), ("absolute_range", (90, 99))]
)
def test_crop_ranges(transforms: ModuleType, kind: str, crop: tuple[float, float]) -> None:
    reference = transforms.RandomCrop(kind, crop)
    expected = np.array([reference.get_crop_size((100, 200)) for _ in range(400)])
    ours = np.array([drawn_size(RandomCrop(kind, crop), (100, 200)) for _ in range(400)])
    assert np.abs(ours.min(axis=0) - expected.min(axis=0)).max() <= 4
    assert np.abs(ours.max(axis=0) - expected.max(axis=0)).max() <= 4
