"""The eye with its bundled weights on real photos, and how one is chosen."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from vx_detectron.config import load_cfg
from vx_detectron.engines import Eye, build_eye
from vx_detectron.engines.torch_eye import TorchEye
from vx_detectron.errors import CheckpointError, EngineError
from vx_detectron.modeling.eye import EyeNet
from vx_detectron.structures import FloatArray
from vx_detectron.weights import catalog

Photo = NDArray[np.uint8]


def built(*options: str) -> Eye | None:
    return build_eye(load_cfg(None, ["MODEL.DEVICE", "cpu", "VX.ENGINE", "torchvision", *options]))


def eye_with(*options: str) -> TorchEye:
    found = built(*options)
    assert isinstance(found, TorchEye)
    return found


@pytest.fixture(scope="module")
def eye() -> TorchEye:
    return eye_with()


@pytest.fixture(scope="module")
def bundled() -> Path:
    return catalog.resolve(load_cfg().VX.EYE.WEIGHTS)


def over_photo(map_: FloatArray, photo: Photo) -> FloatArray:
    return np.asarray(cv2.resize(map_, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def test_the_astronaut_is_the_subject_and_flag_and_rocket_are_not(
    eye: TorchEye, astronaut: Photo
) -> None:
    map_ = over_photo(eye.look(astronaut), astronaut)
    face, suit = map_[80:150, 190:260], map_[330:450, 130:300]
    flag, shuttle = map_[0:150, 0:50], map_[20:180, 330:400]
    assert face.mean() > 0.95 and suit.mean() > 0.9
    assert flag.mean() < 0.1 and shuttle.mean() < 0.1


def test_the_cats_face_is_the_subject_and_the_wall_is_not(eye: TorchEye, chelsea: Photo) -> None:
    map_ = over_photo(eye.look(chelsea), chelsea)
    face, wall, shelf = map_[50:220, 80:300], map_[0:90, 0:22], map_[0:90, 410:]
    assert face.mean() > 0.95
    assert wall.mean() < 0.1 and shelf.mean() < 0.1


def test_a_photo_without_a_subject_has_a_faint_map(
    eye: TorchEye, gravel: Photo, astronaut: Photo
) -> None:
    assert eye.look(gravel).mean() < 0.5 * eye.look(astronaut).mean()


def test_it_says_what_it_is(eye: TorchEye, bundled: Path) -> None:
    assert (eye.name, eye.engine, eye.device) == ("vx_eye", "torch", "cpu")
    assert eye.weights == "bundled://vx_eye.safetensors"
    assert eye.weights_sha256 == hashlib.sha256(bundled.read_bytes()).hexdigest()


def test_the_map_has_half_the_size_of_the_networks_input(chelsea: Photo) -> None:
    found = eye_with("VX.EYE.ZOOM", "False", "VX.EYE.SIZES", "(96,)").look(chelsea)
    assert found.shape == (48, 80)  # 300 x 451 goes in as 96 x 160, the nearest multiples of 32
    assert found.dtype == np.float32
    assert 0.0 <= found.min() < 0.3 and 0.7 < found.max() <= 1.0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (7, 5)])
def test_a_tiny_photo_or_a_strip_is_a_photo(eye: TorchEye, size: tuple[int, int]) -> None:
    found = eye.look(np.full((*size, 3), 128, dtype=np.uint8))
    assert found.ndim == 2 and np.isfinite(found).all()


def test_two_looks_at_a_mirrored_photo_give_the_mirrored_map(chelsea: Photo) -> None:
    """The second look is mirrored, so both photos are seen from both sides."""
    eye = eye_with("VX.EYE.ZOOM", "False", "VX.EYE.SIZES", "(160, 160)")
    found, mirrored = eye.look(chelsea), eye.look(np.ascontiguousarray(chelsea[:, ::-1]))
    once = eye_with("VX.EYE.ZOOM", "False", "VX.EYE.SIZES", "(160,)")
    assert np.abs(mirrored[:, ::-1] - found).mean() < 0.01
    assert np.abs(once.look(chelsea) - found).mean() > 1e-4


def test_a_network_in_training_is_run_as_it_is(chelsea: Photo) -> None:
    cfg = load_cfg(None, ["VX.EYE.SIZES", "(64,)", "VX.EYE.ZOOM", "False"])
    network = EyeNet().eval()
    eye = TorchEye(cfg, network)
    assert (eye.weights, eye.weights_sha256) == (catalog.IN_TRAINING, "")
    before = eye.look(chelsea)
    with torch.no_grad():
        network.predictors[0].bias.fill_(30.0)  # type: ignore[union-attr]
    assert eye.look(chelsea).min() > 0.99 > before.min()


def test_without_an_eye_there_is_none() -> None:
    assert built("VX.EYE.NAME", "none") is None


def test_a_file_of_weights_is_an_eye(bundled: Path, tmp_path: Path, chelsea: Photo) -> None:
    state = load_file(bundled)
    state["predictors.0.bias"] += 30.0
    path = tmp_path / "mine.pth"
    torch.save({"model": state}, path)
    eye = eye_with("VX.EYE.NAME", str(path), "VX.EYE.ZOOM", "False", "VX.EYE.SIZES", "(64,)")
    assert eye.name == eye.weights == str(path)
    assert eye.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert eye.look(chelsea).min() > 0.99


def test_weights_of_its_own_go_by_their_key(bundled: Path, tmp_path: Path) -> None:
    """VX.EYE.NAME stays that of the network."""
    path = tmp_path / "copy.safetensors"
    path.write_bytes(bundled.read_bytes())
    eye = eye_with("VX.EYE.WEIGHTS", str(path))
    assert (eye.name, eye.weights) == ("vx_eye", str(path))


@pytest.mark.parametrize("name", ["vx_ear", "eye.txt", "weights"])
def test_an_unknown_eye_is_refused_with_what_there_is(name: str) -> None:
    wanted = rf"VX\.EYE\.NAME must be vx_eye, none, a file .*'{name}'"
    with pytest.raises(EngineError, match=wanted):
        built("VX.EYE.NAME", name)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing is at"):
        built("VX.EYE.NAME", str(tmp_path / "none.safetensors"))


def test_weights_of_the_detector_are_refused() -> None:
    with pytest.raises(CheckpointError, match="does not fit the network"):
        built("VX.EYE.WEIGHTS", load_cfg().MODEL.WEIGHTS)


def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EngineError, match="'cuda:99'"):
        built("MODEL.DEVICE", "cuda:99")
