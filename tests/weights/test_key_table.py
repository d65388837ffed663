"""From the names in a file to the names of the network, strictly."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vx_detectron.config import load_cfg
from vx_detectron.errors import CheckpointError
from vx_detectron.modeling.mask_rcnn import build_model
from vx_detectron.weights.checkpoint_file import read_checkpoint
from vx_detectron.weights.key_table import load_matching, load_strict, rename


def model() -> nn.Module:
    """A convolution, ``0``, and a batch norm, ``1``; all numbers 0."""
    layers = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    for value in layers.state_dict().values():
        value.zero_()
    return layers


def weights(**changes: Tensor) -> dict[str, Tensor]:
    """Ones for all of it."""
    state = {name: torch.ones_like(value) for name, value in model().state_dict().items()}
    return {**state, **{name.replace("__", "."): value for name, value in changes.items()}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("model.model.model.backbone.body.x", "backbone.body.x"),
        ("module.backbone.x", "backbone.x"),
        ("stem.conv1.weight", "backbone.bottom_up.stem.conv1.weight"),
        ("res5.2.conv3.norm.bias", "backbone.bottom_up.res5.2.conv3.norm.bias"),
        ("backbone.bottom_up.res2.0.conv1.weight", "backbone.bottom_up.res2.0.conv1.weight"),
        ("roi_heads.box_head.fc1.weight", "roi_heads.box_head.fc1.weight"),
    ],
)
def test_prefixes_of_published_files_are_replaced(given: str, expected: str) -> None:
    assert list(rename({given: torch.zeros(1)})) == [expected]


@pytest.mark.parametrize(
    "name",
    ["pixel_mean", "model.model.model.pixel_std", "proposal_generator.anchor_generator."
     "cell_anchors.0"],
)  # fmt: skip
def test_constants_of_the_configuration_are_left_out(name: str) -> None:
    assert rename({name: torch.zeros(1), "x": torch.zeros(1)}).keys() == {"x"}


def test_everything_is_copied() -> None:
    target = model()
    load_strict(target, weights(), "a.pth")
    assert all(bool((value == 1).all()) for value in target.state_dict().values())


def test_the_counter_of_a_batch_norm_may_be_missing_or_too_many() -> None:
    given = weights()
    del given["1.num_batches_tracked"]
    load_strict(model(), given, "a.pth")
    load_strict(model()[0], {"weight": given["0.weight"], "bias": given["0.bias"],
                             "norm.num_batches_tracked": torch.tensor(3)}, "a.pth")  # fmt: skip


def test_all_that_does_not_fit_is_named_and_nothing_is_copied() -> None:
    given = weights(head__weight=torch.ones(1), **{"0__bias": torch.ones(4)})
    del given["1.running_var"]
    target = model()
    with pytest.raises(CheckpointError) as caught:
        load_strict(target, given, "a.pth")
    message = str(caught.value)
    assert message.startswith("a.pth does not fit the network of this configuration")
    assert "1 missing (1.running_var)" in message
    assert "1 unexpected (head.weight)" in message
    assert "1 of another shape (0.bias (4,) for (3,))" in message
    assert all(bool((value == 0).all()) for value in target.state_dict().values())


def test_a_long_list_is_cut_short() -> None:
    given = {f"extra.{number}": torch.zeros(1) for number in range(20)}
    with pytest.raises(CheckpointError, match=r"20 unexpected \(extra\.0, .* and 12 more\)"):
        load_strict(model(), {**weights(), **given}, "a.pth")


def test_a_training_starts_from_what_fits() -> None:
    target = model()
    given = weights(head__weight=torch.ones(1), **{"0__bias": torch.ones(4)})
    left, unused = load_matching(target, given)
    assert left == ["0.bias"]
    assert unused == ["0.bias", "head.weight"]
    assert bool((target.state_dict()["0.weight"] == 1).all())
    assert bool((target.state_dict()["0.bias"] == 0).all())


def test_scales_of_a_quantised_export_are_not_weights(tmp_path: Path) -> None:
    stub = "backbone.quant_stubs.stubs.0."
    content = {
        "fc.weight": torch.ones(2, 2),
        f"{stub}scale": torch.ones(1),
        f"{stub}zero_point": torch.ones(1, dtype=torch.int64),
    }
    torch.save(content, tmp_path / "export.pth")
    assert list(read_checkpoint(tmp_path / "export.pth")) == ["fc.weight"]


def test_d2gos_own_file_loads_as_it_is(shared: Path) -> None:
    file = shared / "weights" / "d2go_mask_rcnn_fbnetv3a_dsmask_c4.safetensors"
    if not file.is_file():
        pytest.skip("needs D2Go's weights in ../shared/weights")
    network = build_model(load_cfg())
    load_strict(network, read_checkpoint(file), str(file))
