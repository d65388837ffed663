"""All engines that are here agree on the photos that scikit-image ships, network for network."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import skimage
from agreement import agreement, agrees, of_instances
from calibrated import calibrated
from exported_networks import export
from numpy.typing import NDArray
from PIL import Image
from small_networks import write_weights

from vx_detectron.config import CfgNode, load_cfg
from vx_detectron.engines import Detector, build_detector, build_eye
from vx_detectron.structures import Instances

pytestmark = pytest.mark.slow

Photo = NDArray[np.uint8]

NAMES = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png",
    "coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "horse.png",
    "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "motorcycle_right.png",
    "page.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"
OPENVINO = pytest.param(
    ("VX.ONNX.RUNTIME", "openvino"),
    marks=pytest.mark.skipif(
        importlib.util.find_spec("openvino") is None, reason="needs the extra openvino"
    ),
    id="openvino",
)
DETECTRON2 = pytest.param(
    ("VX.ENGINE", "detectron2"),
    marks=[
        pytest.mark.detectron2,
        pytest.mark.skipif(
            importlib.util.find_spec("detectron2") is None, reason="needs Detectron2"
        ),
    ],
    id="detectron2",
)
EXPORTED = [pytest.param((), id="onnx"), OPENVINO]


@pytest.fixture(scope="module")
def photos() -> dict[str, Photo]:
    folder = Path(skimage.__file__).parent / "data"
    found = {}
    for name in NAMES:
        with Image.open(folder / name) as picture:
            picture.thumbnail((1000, 1000))  # the largest would only take time
            found[name] = np.array(picture.convert("RGB"))
    return found


Found = dict[str, Instances]


def expect_agreement(found: Found, other: Detector, photos: dict[str, Photo], least: int) -> None:
    """At least so many detections in all, and the same ones by the other detector."""
    count = 0
    for name, photo in photos.items():
        result = agreement(of_instances(found[name]), of_instances(other.predict(photo)))
        assert agrees(result), (name, result)
        count += result.count
    assert count >= least


def bundled(*keys: str) -> CfgNode:
    return load_cfg(None, ["MODEL.DEVICE", "cpu", *keys])


def by_torchvision(cfg: CfgNode, photos: dict[str, Photo]) -> Found:
    """What it finds, which the other engines are compared with."""
    detector = build_detector(cfg)
    assert detector.name == "torchvision"
    return {name: detector.predict(photo) for name, photo in photos.items()}


@pytest.fixture(scope="module")
def bundled_found(photos: dict[str, Photo]) -> Found:
    return by_torchvision(bundled("VX.ENGINE", "torchvision"), photos)


@pytest.mark.parametrize("keys", [*EXPORTED, DETECTRON2])
def test_the_bundled_detector(
    keys: tuple[str, ...], bundled_found: Found, photos: dict[str, Photo]
) -> None:
    other = build_detector(bundled(*keys))
    assert other.name == (keys[-1] if keys else "onnx")
    expect_agreement(bundled_found, other, photos, least=20)


@pytest.mark.parametrize("keys", EXPORTED)
def test_the_bundled_eye(keys: tuple[str, ...], photos: dict[str, Photo]) -> None:
    own, other = build_eye(bundled("VX.ENGINE", "torchvision")), build_eye(bundled(*keys))
    assert own is not None and other is not None
    assert (own.engine, other.engine) == ("torch", keys[-1] if keys else "onnx")
    for name, photo in photos.items():
        one, two = own.look(photo), other.look(photo)
        np.testing.assert_allclose(one, two, atol=1e-3, err_msg=name)


@pytest.fixture(scope="module")
def random_r50(
    tmp_path_factory: pytest.TempPathFactory, photos: dict[str, Photo]
) -> tuple[list[str], Path, Found]:
    """R50-FPN with random weights that find a few things: its keys, its ONNX, what it finds."""
    folder = tmp_path_factory.mktemp("r50")
    size = ["INPUT.MIN_SIZE_TEST", "256", "MODEL.DEVICE", "cpu"]
    some = [photos[name] for name in ("astronaut.png", "chelsea.png", "coffee.png")]
    weights = write_weights(calibrated(load_cfg(R50, size), some), folder / "r50.pth")
    # Nearly tied ones would be decided by rounding.
    keys = [*size, "MODEL.WEIGHTS", weights, "MODEL.RPN.POST_NMS_TOPK_TEST", "100",
            "TEST.DETECTIONS_PER_IMAGE", "30",
            "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.5"]  # fmt: skip
    export(load_cfg(R50, keys), folder / "r50.onnx")
    found = by_torchvision(load_cfg(R50, [*keys, "VX.ENGINE", "torchvision"]), photos)
    return keys, folder / "r50.onnx", found


@pytest.mark.parametrize("keys", [*EXPORTED, DETECTRON2])
def test_a_random_r50(
    keys: tuple[str, ...], random_r50: tuple[list[str], Path, Found], photos: dict[str, Photo]
) -> None:
    own, file, found = random_r50
    if "detectron2" in keys:
        other = load_cfg(R50, [*own, *keys])
    else:
        other = load_cfg(file, ["MODEL.DEVICE", "cpu", *keys])
    expect_agreement(found, build_detector(other), photos, least=20)
