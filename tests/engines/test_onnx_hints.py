"""The eye with its features and the hint decoder as ONNX files: ONNX Runtime follows torch."""

from __future__ import annotations

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
def files(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder, own = tmp_path_factory.mktemp("onnx"), sha256_of(pair.eye_path)
    eye = export_eye(pair.eye, EyeInput(), weights="eye.pth", sha256=own)
    hints = export_hints(pair.decoder, weights="hints.pth", sha256="1" * 64, eye_sha256=own)
    onnx.save(eye, folder / "eye.onnx")
    onnx.save(hints, folder / "hints.onnx")
    return folder / "eye.onnx", folder / "hints.onnx"


@pytest.mark.parametrize("size", [(64, 96), (160, 32)])
def test_both_files_follow_torch_at_any_size(
    pair: Pair, files: tuple[Path, Path], size: tuple[int, int]
) -> None:
    generator = np.random.default_rng(3)
    photo: NDArray[np.float32] = generator.random((1, 3, *size), dtype=np.float32)
    hints: NDArray[np.float32] = generator.random((1, 4, *size), dtype=np.float32)
    eye, decoder = (onnxruntime.InferenceSession(str(path)) for path in files)
    assert [one.name for one in eye.get_outputs()] == [exported.MAP, *exported.FEATURES]
    assert [one.name for one in decoder.get_inputs()] == [*exported.FEATURES, exported.HINT_MAPS]
    found = eye.run([exported.MAP, *exported.FEATURES], {exported.PHOTO: photo})
    values = dict(zip(exported.FEATURES, found[1:], strict=True))
    (mask,) = decoder.run([exported.MAP], {**values, exported.HINT_MAPS: hints})
    with torch.inference_mode():
        features = pair.eye.features(torch.from_numpy(photo))
        expected = pair.decoder(features, torch.from_numpy(hints))[0]
        eye_map = pair.eye(torch.from_numpy(photo))[0]
    for one, other in zip(found, [eye_map, *features], strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=1e-3 * max(float(other.abs().max()), 1.0))
    assert mask.shape == (1, 1, size[0] // 2, size[1] // 2)
    assert expected.std() > 0.01
    np.testing.assert_allclose(mask, expected, atol=1e-3)


def test_the_decoders_norms_are_folded(files: tuple[Path, Path]) -> None:
    kinds = {node.op_type for node in onnx.load(files[1]).graph.node}
    assert "Conv" in kinds and "BatchNormalization" not in kinds


def test_the_files_say_that_they_belong_together(files: tuple[Path, Path]) -> None:
    eye, hints = (read_metadata(path) for path in files)
    assert (eye[exported.KIND], hints[exported.KIND]) == ("eye", "hints")
    assert hints[exported.EYE_SHA256] == eye[exported.WEIGHTS_SHA256]


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
