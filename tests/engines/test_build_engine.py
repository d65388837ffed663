"""Which engine VX.ENGINE asks for."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from small_networks import NETWORKS, fill, small_cfg, write_weights

from vx_detectron.config import CfgNode
from vx_detectron.engines import build_detector
from vx_detectron.errors import EngineError
from vx_detectron.modeling.mask_rcnn import build_model

HAS_DETECTRON2 = importlib.util.find_spec("detectron2") is not None


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    model = fill(build_model(small_cfg("r18")), NETWORKS["r18"])
    return write_weights(model, tmp_path_factory.mktemp("weights") / "r18.pth")


@pytest.fixture
def without_detectron2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it fails, as where it is not installed."""
    for name in ("detectron2", "detectron2.modeling"):
        monkeypatch.setitem(sys.modules, name, None)


def cfg(engine: str, weights: str) -> CfgNode:
    return small_cfg("r18", VX__ENGINE=engine, MODEL__WEIGHTS=weights)


def test_torchvision_is_always_there(weights: str) -> None:
    assert build_detector(cfg("torchvision", weights)).name == "torchvision"


def test_auto_takes_detectron2_where_it_is_installed(weights: str) -> None:
    expected = "detectron2" if HAS_DETECTRON2 else "torchvision"
    assert build_detector(cfg("auto", weights)).name == expected


@pytest.mark.usefixtures("without_detectron2")
def test_auto_takes_torchvision_without_detectron2(weights: str) -> None:
    assert build_detector(cfg("auto", weights)).name == "torchvision"


@pytest.mark.usefixtures("without_detectron2")
def test_asking_for_a_missing_detectron2_is_an_error(weights: str) -> None:
    with pytest.raises(EngineError, match=r"'detectron2', but .* --engine torchvision"):
        build_detector(cfg("detectron2", weights))
