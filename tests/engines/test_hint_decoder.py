"""The hint decoder's network: its sizes, what it is told by, its norms, and whose eye it reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from hint_weights import write_pair
from safetensors.torch import save_file
from small_networks import fill, write_weights
from torch import Tensor, nn

from vx_detectron.engines.torch_hints import load_hint_decoder, metadata_of_hints
from vx_detectron.errors import CheckpointError
from vx_detectron.interactive.hint_maps import CHANNELS, DROP, KEEP
from vx_detectron.modeling.eye import FEATURES, STRIDES, EyeNet
from vx_detectron.modeling.hint_decoder import HintDecoder, Likeness
from vx_detectron.weights.catalog import sha256_of


def features(height: int, width: int, photos: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [
        torch.rand(photos, count, height // stride, width // stride, generator=generator)
        for count, stride in zip(FEATURES, STRIDES, strict=True)
    ]


def hints(height: int, width: int) -> Tensor:
    maps = torch.zeros(1, len(CHANNELS), height, width)
    maps[0, KEEP, 20:30, 20:30] = 1.0
    maps[0, DROP, :5, 50:] = 1.0
    return maps


def test_the_features_are_what_the_eyes_maps_are_predicted_from() -> None:
    eye = fill(EyeNet())
    assert isinstance(eye, EyeNet)
    photo = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found, maps = eye.features(photo), eye(photo)
        predicted = [layer(one) for one, layer in zip(found, eye.predictors, strict=True)]
    sizes = [(2, count, 64 // s, 96 // s) for count, s in zip(FEATURES, STRIDES, strict=True)]
    assert [tuple(one.shape) for one in found] == sizes
    assert all(torch.equal(one, level) for one, level in zip(predicted, maps, strict=True))
    assert all(one.min() >= 0 for one in found)


@pytest.mark.parametrize("size", [(64, 96), (32, 32), (160, 64)])
def test_there_is_a_mask_at_four_strides_finest_first(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        found = HintDecoder().eval()(features(*size, photos=2), torch.rand(2, 8, *size))
    expected = [(2, 1, size[0] // stride, size[1] // stride) for stride in (2, 4, 8, 16)]
    assert [tuple(level.shape) for level in found] == expected


def test_every_hint_map_changes_the_mask() -> None:
    decoder, maps = fill(HintDecoder()), hints(64, 96)
    with torch.inference_mode():
        before = decoder(features(64, 96), maps)[0]
        for channel in range(len(CHANNELS)):
            changed = maps.clone()
            changed[0, channel, 40:50, 60:70] = 1.0
            assert not torch.equal(decoder(features(64, 96), changed)[0], before), CHANNELS[channel]


def test_likeness_is_the_cosine_with_the_mean_of_what_is_marked() -> None:
    """Two materials, left and right, and a mark on each: 1 on its own side, 0 on the other."""
    layer = Likeness(2)
    with torch.no_grad():
        layer.embed.weight.zero_()
        layer.embed.weight[0, 0], layer.embed.weight[1, 1] = 1.0, 1.0
        layer.embed.bias.zero_()  # type: ignore[union-attr]
    given = torch.zeros(1, 2, 4, 6)
    given[0, 0, :, :3], given[0, 1, :, 3:] = 2.0, 5.0
    maps = torch.zeros(1, 8, 4, 6)
    maps[0, KEEP, 1, 1] = maps[0, DROP, 2, 5] = 1.0
    with torch.inference_mode():
        keep, drop = layer(given, maps)[0]
        nothing = layer(given, torch.zeros_like(maps))
    left = torch.zeros(4, 6)
    left[:, :3] = 1.0
    assert torch.allclose(keep, left, atol=2e-3)
    assert torch.allclose(drop, 1 - left, atol=2e-3)
    assert not nothing.any()


def test_folded_norms_change_nothing() -> None:
    decoder, maps = fill(HintDecoder()), hints(64, 96)
    assert isinstance(decoder, HintDecoder)
    with torch.inference_mode():
        before = decoder(features(64, 96), maps)[0]
        after = decoder.fold()(features(64, 96), maps)[0]
    assert before.std() > 0.01
    assert torch.allclose(before, after, atol=1e-4)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in decoder.modules())


def test_its_norms_learn_their_statistics() -> None:
    decoder = HintDecoder().train()
    before = {name: value.clone() for name, value in decoder.named_buffers()}
    sum(level.mean() for level in decoder(features(64, 96, 2), torch.rand(2, 8, 64, 96))).backward()  # type: ignore[union-attr]
    assert before and not any(torch.equal(v, before[n]) for n, v in decoder.named_buffers())
    assert all(value.grad is not None for value in decoder.parameters())


def test_a_decoder_is_loaded_beside_its_own_eye_only(tmp_path: Path) -> None:
    pair = write_pair(tmp_path)
    path, own = str(pair.decoder_path), sha256_of(pair.eye_path)
    loaded = load_hint_decoder(path, "eye.pth", own).state_dict()
    assert all(torch.equal(value, loaded[n]) for n, value in pair.decoder.state_dict().items())
    message = re.escape(f"{path} reads the features of the eye with sha256 {own[:12]}")
    with pytest.raises(CheckpointError, match=message + ".*other.pth with 0000"):
        load_hint_decoder(path, "other.pth", "0" * 64)


def test_safetensors_name_the_eye_too(tmp_path: Path) -> None:
    path = tmp_path / "hints.safetensors"
    save_file(fill(HintDecoder()).state_dict(), path, metadata=metadata_of_hints("a" * 64))
    assert not load_hint_decoder(str(path), "eye.pth", "a" * 64).training
    with pytest.raises(CheckpointError, match="do not fit"):
        load_hint_decoder(str(path), "eye.pth", "b" * 64)


def test_other_weights_are_no_decoder(tmp_path: Path) -> None:
    path = write_weights(EyeNet(), tmp_path / "eye.pth")
    with pytest.raises(CheckpointError, match="does not say that it is a hint decoder"):
        load_hint_decoder(path, "eye.pth", "0" * 64)
