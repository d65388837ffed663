"""The eye with its features and the hint decoder as ONNX files: ONNX Runtime follows torch."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from hint_weights import Pair, write_pair
from numpy.typing import NDArray

from vx_detectron.cli.export import main
from vx_detectron.config import exported
from vx_detectron.config.exported import read_metadata
from vx_detectron.engines.eye_input import EyeInput
from vx_detectron.export.eye import export_eye
from vx_detectron.export.hints import export_hints
from vx_detectron.weights.catalog import sha256_of


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def eye_file(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "eye.onnx"
    own = sha256_of(pair.eye_path)
    onnx.save(export_eye(pair.eye, EyeInput(), weights="eye.pth", sha256=own), path)
    return path


@pytest.fixture(scope="module")
def decoder_file(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, own = tmp_path_factory.mktemp("onnx") / "hints.onnx", sha256_of(pair.eye_path)
    decoder = copy.deepcopy(pair.decoder)  # exporting folds its norms
    model = export_hints(decoder, weights="hints.pth", sha256="1" * 64, eye_sha256=own)
    onnx.save(model, path)
    return path


def noise(channels: int, size: tuple[int, int]) -> NDArray[np.float32]:
    return np.random.default_rng(channels).random((1, channels, *size), dtype=np.float32)


@pytest.mark.parametrize("size", [(64, 96), (160, 32)])
def test_the_decoder_follows_torch_at_any_size(
    pair: Pair, decoder_file: Path, size: tuple[int, int]
) -> None:
    hints, session = noise(8, size), onnxruntime.InferenceSession(str(decoder_file))
    assert [one.name for one in session.get_inputs()] == [*exported.FEATURES, exported.HINT_MAPS]
    with torch.inference_mode():
        features = pair.eye.features(torch.from_numpy(noise(3, size)))
        expected = pair.decoder(features, torch.from_numpy(hints))[0]
    values = {n: one.numpy() for n, one in zip(exported.FEATURES, features, strict=True)}
    (mask,) = session.run([exported.MAP], {**values, exported.HINT_MAPS: hints})
    assert mask.shape == (1, 1, size[0] // 2, size[1] // 2)
    assert expected.std() > 0.01
    np.testing.assert_allclose(mask, expected, atol=1e-3)


def test_the_decoders_norms_are_folded(decoder_file: Path) -> None:
    kinds = {node.op_type for node in onnx.load(decoder_file).graph.node}
    assert "Conv" in kinds and "BatchNormalization" not in kinds


def test_the_file_names_its_eye(pair: Pair, decoder_file: Path) -> None:
    metadata = read_metadata(decoder_file)
    assert metadata[exported.KIND] == "hints"
    assert metadata[exported.EYE_SHA256] == sha256_of(pair.eye_path)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (160, 32)])
def test_an_exported_eye_gives_its_features_too(
    pair: Pair, eye_file: Path, size: tuple[int, int]
) -> None:
    photo, session = noise(3, size), onnxruntime.InferenceSession(str(eye_file))
    assert [one.name for one in session.get_outputs()] == [exported.MAP, *exported.FEATURES]
    found = session.run(None, {exported.PHOTO: photo})
    with torch.inference_mode():
        features = pair.eye.features(torch.from_numpy(photo))
        expected = [pair.eye.predict(features)[0], *features]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=1e-3 * max(float(other.abs().max()), 1.0))
    assert read_metadata(eye_file)[exported.WEIGHTS_SHA256] == sha256_of(pair.eye_path)


@pytest.mark.slow
def test_a_decoder_is_written_and_compared(tmp_path: Path, pair: Pair) -> None:
    import skimage

    photo = str(Path(skimage.__file__).parent / "data" / "chelsea.png")
    path = tmp_path / "hints.onnx"
    words = ["--hints", "-o", str(path), "--weights", str(pair.decoder_path), "--license", "MIT",
             "--opt", "VX.EYE.WEIGHTS", str(pair.eye_path), "--check", photo]  # fmt: skip
    run = CliRunner().invoke(main, words)
    assert run.exit_code == 0, run.stderr
    assert run.stderr.startswith(f"{photo}: map within ")
    assert read_metadata(path)[exported.LICENSE] == "MIT"
