"""The engine without Detectron2 against the real one: whole networks on a real photo."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from agreement import agreement, agrees, of_arrays, of_instances
from detectron2_reference import stored
from numpy.typing import NDArray
from small_networks import NETWORKS, fill, small_cfg, write_weights

from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import CheckpointError, ConfigError, EngineError
from vx_detectron.modeling.mask_rcnn import build_model

Photo = NDArray[np.uint8]
Build = Callable[..., TorchvisionEngine]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file of weights for each of NETWORKS."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        name: write_weights(fill(build_model(small_cfg(name)), network), folder / f"{name}.pth")
        for name, network in NETWORKS.items()
    }


@pytest.fixture(scope="module")
def build(weights: dict[str, str]) -> Build:
    @functools.cache
    def engine(name: str, **overrides: object) -> TorchvisionEngine:
        return TorchvisionEngine(small_cfg(name, MODEL__WEIGHTS=weights[name], **overrides))

    return engine


@pytest.mark.parametrize("name", NETWORKS)
def test_finds_what_detectron2_finds(build: Build, chelsea: Photo, name: str) -> None:
    found = of_instances(build(name).predict(chelsea))
    expected = of_arrays(stored(f"network_{name}"), chelsea.shape[1])
    result = agreement(found, expected)
    assert result.count >= 5
    assert agrees(result), result


def test_says_what_it_is(build: Build, weights: dict[str, str]) -> None:
    engine = build("r18")
    assert (engine.name, engine.device, engine.weights) == ("torchvision", "cpu", weights["r18"])
    assert engine.class_names == ("ant", "bee", "cat", "dog")
    content = Path(weights["r18"]).read_bytes()
    assert engine.weights_sha256 == hashlib.sha256(content).hexdigest()


def test_answers_in_the_photos_pixels_best_first(build: Build, chelsea: Photo) -> None:
    found = build("fbnet").predict(chelsea)
    assert found.image_size == chelsea.shape[:2]
    assert found.class_names == ("ant", "bee", "cat", "dog")
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert found.boxes[:, 2].max() > 230  # beyond the network's input, which is 160 high
    assert 0.0 <= found.mask_grids.min() < 0.1 and 0.9 < found.mask_grids.max() <= 1.0


def test_the_same_photo_gives_the_same_answer(build: Build, chelsea: Photo) -> None:
    engine = build("fbnet")
    first, _, again = (engine.predict(photo) for photo in (chelsea, chelsea[::-1], chelsea))
    assert np.array_equal(first.boxes, again.boxes)
    assert np.array_equal(first.mask_grids, again.mask_grids)


@pytest.mark.parametrize("name", ["r18", "fbnet"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (7, 5)])
def test_a_tiny_photo_or_a_strip_is_a_photo(build: Build, name: str, size: tuple[int, int]) -> None:
    found = build(name).predict(np.full((*size, 3), 128, dtype=np.uint8))
    assert found.image_size == size
    assert len(found) == 0 or found.boxes[:, 2].max() <= size[1]


@pytest.mark.parametrize("name", NETWORKS)
def test_finding_nothing_is_an_answer(build: Build, chelsea: Photo, name: str) -> None:
    found = build(name, MODEL__ROI_HEADS__SCORE_THRESH_TEST=1.0).predict(chelsea)
    assert len(found) == 0
    assert found.image_size == chelsea.shape[:2]


def test_only_a_photo_is_taken(build: Build) -> None:
    with pytest.raises(ValueError, match="must be uint8 of shape HxWx3"):
        build("r18").predict(np.zeros((8, 8, 3)))  # type: ignore[arg-type]


def test_weights_of_another_network_are_refused(weights: dict[str, str]) -> None:
    with pytest.raises(CheckpointError, match="does not fit the network"):
        TorchvisionEngine(small_cfg("r18", MODEL__WEIGHTS=weights["r50"]))


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing is at"):
        TorchvisionEngine(small_cfg("r18", MODEL__WEIGHTS=tmp_path / "none.pth"))


def test_a_key_it_cannot_honour_is_named(build: Build) -> None:
    with pytest.raises(ConfigError, match=r"MODEL\.FPN\.FUSE_TYPE"):
        build("r18", MODEL__FPN__FUSE_TYPE="avg")


def test_a_device_that_is_not_there_is_an_error(build: Build) -> None:
    with pytest.raises(EngineError, match="'cuda:99'"):
        build("r18", MODEL__DEVICE="cuda:99")
