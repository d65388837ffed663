"""Both engines with full-size networks at full resolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from agreement import agreement, agrees, of_instances
from calibrated import calibrated
from numpy.typing import NDArray
from small_networks import write_weights

from vx_detectron.config import load_cfg
from vx_detectron.engines import build_detector
from vx_detectron.weights import catalog

pytest.importorskip("detectron2")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.detectron2,
    pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning"),
]

R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"
Photos = dict[str, NDArray[np.uint8]]


@pytest.fixture(scope="module")
def photos(
    astronaut: NDArray[np.uint8], chelsea: NDArray[np.uint8], coffee: NDArray[np.uint8]
) -> Photos:
    return {"astronaut": astronaut, "chelsea": chelsea, "coffee": coffee}


def compare(name: str | None, keys: dict[str, str], photos: Photos) -> None:
    overrides = [part for pair in keys.items() for part in pair]
    one, other = (
        build_detector(load_cfg(name, ["VX.ENGINE", engine, "MODEL.DEVICE", "cpu", *overrides]))
        for engine in ("torchvision", "detectron2")
    )
    for title, photo in photos.items():
        result = agreement(of_instances(one.predict(photo)), of_instances(other.predict(photo)))
        assert agrees(result), (title, result)
        assert result.count > 0, title


def test_resnet_50_at_800_pixels(tmp_path: Path, photos: Photos) -> None:
    model = calibrated(load_cfg(R50, ["INPUT.MIN_SIZE_TEST", "400"]), list(photos.values()))
    keys = {
        "MODEL.WEIGHTS": write_weights(model, tmp_path / "r50.pth"),
        "MODEL.ROI_HEADS.SCORE_THRESH_TEST": "0.5",
        "TEST.DETECTIONS_PER_IMAGE": "60",
    }
    compare(R50, keys, photos)


@pytest.mark.skipif(not catalog.bundled(), reason="needs the weights inside the package")
def test_the_bundled_network(photos: Photos) -> None:
    compare(None, {}, photos)
