"""Both engines, one file of weights, one photo: the same instances."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import agreement, agrees, of_arrays, of_instances
from detectron2_reference import build, stored
from numpy.typing import NDArray
from small_networks import NETWORKS, fill, small_cfg, write_weights

from vx_detectron.engines import build_detector
from vx_detectron.engines.torchvision_engine import TorchvisionEngine
from vx_detectron.errors import CheckpointError, ConfigError, EngineError

pytest.importorskip("detectron2")
pytestmark = [
    pytest.mark.detectron2,
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning"),
]

Photo = NDArray[np.uint8]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file for each of NETWORKS, written by the real Detectron2."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        name: write_weights(fill(build(small_cfg(name)), network), folder / f"{name}.pth")
        for name, network in NETWORKS.items()
    }


def detectron2(name: str, weights: dict[str, str], **overrides: object) -> Any:
    keys = {"MODEL__WEIGHTS": weights.get(name, ""), "VX__ENGINE": "detectron2", **overrides}
    return build_detector(small_cfg(name, **keys))


@pytest.mark.parametrize("name", NETWORKS)
def test_both_engines_agree(
    weights: dict[str, str], chelsea: Photo, astronaut: Photo, name: str
) -> None:
    theirs = detectron2(name, weights)
    ours = TorchvisionEngine(small_cfg(name, MODEL__WEIGHTS=weights[name]))
    assert theirs.weights_sha256 == ours.weights_sha256
    assert theirs.class_names == ours.class_names
    for photo in (chelsea, astronaut):
        one, other = ours.predict(photo), theirs.predict(photo)
        result = agreement(of_instances(one), of_instances(other))
        assert result.count >= 5
        assert agrees(result), result
        assert one.saliency is other.saliency is None


@pytest.mark.parametrize("name", NETWORKS)
def test_the_engine_gives_what_detectron2_by_itself_gives(
    weights: dict[str, str], chelsea: Photo, name: str
) -> None:
    found = of_instances(detectron2(name, weights).predict(chelsea))
    expected = of_arrays(stored(f"network_{name}"), chelsea.shape[1])
    result = agreement(found, expected)
    assert agrees(result), result


@pytest.mark.parametrize("name", ["r18", "fbnet"])
def test_finding_nothing_is_an_answer(weights: dict[str, str], chelsea: Photo, name: str) -> None:
    engine = detectron2(name, weights, MODEL__ROI_HEADS__SCORE_THRESH_TEST=1.0)
    found = engine.predict(chelsea)
    assert len(found) == 0
    assert found.image_size == chelsea.shape[:2]


def test_it_says_what_it_is(weights: dict[str, str]) -> None:
    engine = detectron2("r18", weights)
    assert (engine.name, engine.device, engine.weights) == ("detectron2", "cpu", weights["r18"])


@pytest.mark.parametrize(
    ("name", "overrides", "key"),
    [
        ("r18", {"MODEL__MASK_ON": False}, "MODEL.MASK_ON must be True, got False"),
        ("r18", {"MODEL__META_ARCHITECTURE": "RetinaNet"}, "MODEL.META_ARCHITECTURE must be"),
        ("r18", {"MODEL__PROPOSAL_GENERATOR__NAME": "PrecomputedProposals"},
         "MODEL.PROPOSAL_GENERATOR.NAME must be RPN"),
        ("r18", {"MODEL__BACKBONE__NAME": "build_no_such_thing"}, "cannot build .*no_such_thing"),
        ("r18", {"MODEL__FPN__IN_FEATURES": ["res2", "res4"]}, "cannot build"),
    ],
)  # fmt: skip
def test_a_network_it_cannot_be_is_named(
    weights: dict[str, str], name: str, overrides: dict[str, object], key: str
) -> None:
    with pytest.raises(ConfigError, match=key):
        detectron2(name, weights, **overrides)


def test_weights_of_another_network_are_refused(weights: dict[str, str]) -> None:
    with pytest.raises(CheckpointError, match="does not fit the network"):
        detectron2("r18", weights, MODEL__WEIGHTS=weights["r50"])


def test_a_device_that_is_not_there_is_an_error(weights: dict[str, str]) -> None:
    with pytest.raises(EngineError, match="'cuda:99'"):
        detectron2("r18", weights, MODEL__DEVICE="cuda:99")


def test_it_runs_networks_that_the_other_engine_refuses(tmp_path: Path, chelsea: Photo) -> None:
    """A cascade, whose box heads are three."""
    overrides = {
        "MODEL__ROI_HEADS__NAME": "CascadeROIHeads",
        "MODEL__ROI_BOX_HEAD__CLS_AGNOSTIC_BBOX_REG": True,
        "MODEL__RPN__POST_NMS_TOPK_TRAIN": 60,
        "MODEL__ROI_HEADS__SCORE_THRESH_TEST": 0.3,
    }
    cfg = small_cfg("r18", **overrides)
    path = write_weights(fill(build(cfg), NETWORKS["r18"]), tmp_path / "cascade.pth")
    with pytest.raises(ConfigError, match=r"MODEL\.ROI_HEADS\.NAME"):
        TorchvisionEngine(cfg)
    found = detectron2("r18", {"r18": path}, **overrides).predict(chelsea)
    assert found.mask_grids.shape[1:] == (28, 28)


def test_the_bundled_parts_are_registered_by_the_engine_alone() -> None:
    """In a process of its own: other tests import the file that registers them."""
    code = (
        "from vx_detectron.config import load_cfg\n"
        "from vx_detectron.engines.detectron2.engine import build\n"
        "print(type(build(load_cfg(None, ['MODEL.DEVICE', 'cpu'])).backbone).__name__)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert ran.stdout.strip() == "FBNetV2C4Backbone", ran.stderr
