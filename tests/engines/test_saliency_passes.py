"""The mean of several looks at a photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from vx_detectron.engines.saliency_passes import mean_saliency

from vx_detectron.config import load_cfg
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.structures import ByteArray


def photo() -> ByteArray:
    """40 x 60, black but for its white left third."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :20] = 255
    return image


def test_further_looks_are_mirrored_resized_mirrored_back_and_averaged_as_odds() -> None:
    cfg = load_cfg(None, ["VX.INPUT.SALIENCY_SIZES", "(20,)"])
    seen: list[Tensor] = []

    def look(network_input: Tensor) -> Tensor:
        seen.append(network_input)
        return network_input[0] / 255 * 0.8 + 0.1  # 0.9 where white, 0.1 where black

    first = torch.full((40, 60), 0.5)
    mean = mean_saliency(cfg, photo(), first, look)
    (mirrored,) = seen
    assert mirrored.shape == (3, 20, 30)
    assert mirrored[:, :, -9:].min() == 255 and mirrored[:, :, :18].max() == 0
    # The mean of the odds 1 : 1 and 9 : 1 is 3 : 1.
    assert torch.allclose(mean[:, :15], torch.tensor(0.75))
    assert torch.allclose(mean[:, 25:], torch.tensor(0.25))


def test_without_further_sizes_the_first_look_stays() -> None:
    cfg = load_cfg(None, ["VX.INPUT.SALIENCY_SIZES", "()"])
    first = torch.rand(4, 6)
    assert mean_saliency(cfg, photo(), first, pytest.fail) is first  # type: ignore[arg-type]


def test_the_bundled_configuration_looks_twice(astronaut: ByteArray) -> None:
    options = ["MODEL.DEVICE", "cpu", "VX.INPUT.SALIENCY_SIZES"]
    twice, once = (
        TorchvisionEngine(load_cfg(None, [*options, sizes])).predict(astronaut).saliency
        for sizes in ("(256,)", "()")
    )
    assert load_cfg().VX.INPUT.SALIENCY_SIZES == (256,)
    assert twice is not None and once is not None and twice.shape == once.shape
    assert 0 < np.abs(twice - once).mean() < 0.1
