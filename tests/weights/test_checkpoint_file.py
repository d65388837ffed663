"""Files of weights: every kind that is read, and everything that must not be."""

from __future__ import annotations

import collections
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from vx_detectron.errors import CheckpointError
from vx_detectron.weights.checkpoint_file import read_checkpoint, read_metadata

Array = NDArray[np.float32]


def weights() -> dict[str, Array]:
    """Two small weights, one of them not contiguous in memory."""
    kernel = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return {"conv.weight": kernel.transpose(2, 0, 1), "conv.bias": np.float32([0.5, -0.25])}


def write_pickle(path: Path, content: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def same(found: dict[str, torch.Tensor], expected: dict[str, Array]) -> bool:
    return found.keys() == expected.keys() and all(
        tensor.dtype == torch.float32 and np.array_equal(tensor.numpy(), expected[name])
        for name, tensor in found.items()
    )


# What is read


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
def test_reads_a_zoo_pickle_of_any_protocol(tmp_path: Path, protocol: int) -> None:
    content = {"model": weights(), "__author__": "Detectron2 Model Zoo"}
    path = write_pickle(tmp_path / "model_final.pkl", content, protocol)
    assert same(read_checkpoint(path), weights())


def test_reads_the_old_name_of_numpys_core(tmp_path: Path) -> None:
    data = pickle.dumps({"model": weights()}, 2).replace(b"numpy._core", b"numpy.core")
    (tmp_path / "old.pkl").write_bytes(data)
    assert b"numpy._core" not in data
    assert same(read_checkpoint(tmp_path / "old.pkl"), weights())


def test_reads_a_pickle_of_python_2(tmp_path: Path) -> None:
    """Python 2 has no bytes: names and raw data are both byte strings (opcode U)."""

    def string(text: bytes) -> bytes:
        return b"U" + bytes([len(text)]) + text

    raw = np.float32([1.5, -2.0, 1e-3]).tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + string(b"b") + b"tR"
        b"(K\x01(K\x03tcnumpy\ndtype\n(" + string(b"f4") + b"K\x00K\x01tR"
        b"(K\x03" + string(b"<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + string(raw) + b"tb"
    )  # fmt: skip
    data = b"\x80\x02}(" + string(b"model") + b"}" + string(b"w") + array + b"su."
    (tmp_path / "py2.pkl").write_bytes(data)
    expected = pickle.loads(data, encoding="latin1")["model"]  # NumPy's own reading, as the truth
    assert same(read_checkpoint(tmp_path / "py2.pkl"), expected)


def test_reads_big_endian_and_fortran_order_and_numpy_numbers(tmp_path: Path) -> None:
    content = {
        "big": np.array([1.0, 2.0], dtype=">f4"),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "number": np.float32(3.5),
    }
    found = read_checkpoint(write_pickle(tmp_path / "odd.pkl", content, 4))
    assert found["big"].tolist() == [1.0, 2.0]
    assert found["fortran"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["number"].item() == 3.5


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrapped", [True, False], ids=["wrapped", "bare"])
def test_reads_what_torch_saves(tmp_path: Path, zipped: bool, wrapped: bool) -> None:
    layer = torch.nn.BatchNorm2d(3)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    state: dict[str, Any] = layer.state_dict()
    content = state
    if wrapped:
        content = {"model": state, "optimizer": optimizer.state_dict(), "iteration": 7}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(tmp_path / "x.pth")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert not any(tensor.requires_grad for tensor in found.values())


def test_keeps_half_precision(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "x.pth")
    assert read_checkpoint(tmp_path / "x.pth")["w"].dtype == torch.bfloat16


def test_reads_safetensors_whatever_the_name(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    contiguous = {name: np.ascontiguousarray(array) for name, array in weights().items()}
    numpy.save_file(contiguous, tmp_path / "weights.pth")
    assert same(read_checkpoint(tmp_path / "weights.pth"), contiguous)


def test_reads_a_state_dict_with_pytorchs_metadata(tmp_path: Path) -> None:
    """A state_dict turned into arrays keeps the attribute that PyTorch hung on it."""
    state = torch.nn.Linear(2, 1).state_dict()
    for name in state:
        state[name] = state[name].numpy()  # type: ignore[assignment]
    path = write_pickle(tmp_path / "x.pkl", {"model": state}, 4)
    assert read_checkpoint(path).keys() == {"weight", "bias"}


@pytest.mark.detectron2
def test_reads_what_detectron2_saves(tmp_path: Path) -> None:
    checkpoint = pytest.importorskip("detectron2.checkpoint", exc_type=ImportError)
    solver = pytest.importorskip("detectron2.solver")
    config = pytest.importorskip("detectron2.config")
    layer = torch.nn.Conv2d(3, 4, 1)
    cfg = config.get_cfg()
    optimizer = solver.build_optimizer(cfg, layer)
    scheduler = solver.build_lr_scheduler(cfg, optimizer)
    saver = checkpoint.DetectionCheckpointer(
        layer, str(tmp_path), optimizer=optimizer, scheduler=scheduler
    )
    saver.save("model_final", iteration=12)
    found = read_checkpoint(tmp_path / "model_final.pth")
    assert torch.equal(found["weight"], layer.weight) and found.keys() == {"weight", "bias"}


# Caffe2's names


def blob(*shape: int) -> Array:
    return np.full(shape, 0.5, dtype=np.float32)


def caffe2_resnet() -> dict[str, Array]:
    """The kinds of names in MSRA's R-50.pkl, each once."""
    blobs = {"conv1_w": blob(4, 3, 7, 7), "conv1_b": blob(4)}
    for part in ("gamma", "beta", "running_mean", "running_var"):
        blobs[f"res_conv1_bn_{part}"] = blob(4)
        blobs[f"res2_0_branch1_bn_{part}"] = blob(8)
    blobs |= {"res2_0_branch1_w": blob(8, 4, 1, 1), "res5_2_branch2c_w": blob(2, 2, 1, 1)}
    blobs |= {"fc1000_w": blob(10, 8), "fc1000_b": blob(10), "conv1_w_momentum": blob(1)}
    return blobs


@pytest.mark.parametrize("wrapped", [True, False])
def test_renames_a_caffe2_resnet(tmp_path: Path, wrapped: bool) -> None:
    blobs = caffe2_resnet()
    found = read_checkpoint(write_pickle(tmp_path / "r", {"blobs": blobs} if wrapped else blobs))
    parts = ("weight", "bias", "running_mean", "running_var")
    assert found.keys() == {
        "stem.conv1.weight",
        *(f"stem.conv1.norm.{part}" for part in parts),
        "res2.0.shortcut.weight",
        *(f"res2.0.shortcut.norm.{part}" for part in parts),
        "res5.2.conv3.weight",
    }
    assert found["stem.conv1.weight"].shape == (4, 3, 7, 7)


def test_completes_a_normalisation_that_caffe2_folded(tmp_path: Path) -> None:
    """X-101-32x8d.pkl has scale and offset only; the rest must make it a plain affine map."""
    blobs = {"conv1_w": blob(4, 3, 7, 7)}
    blobs |= {
        "res_conv1_bn_s": np.float32([1, 2, 3, 4]),
        "res_conv1_bn_b": np.float32([4, 3, 2, 1]),
    }
    found = read_checkpoint(write_pickle(tmp_path / "x.pkl", blobs))
    batch = torch.rand(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    normalised = torch.nn.functional.batch_norm(
        batch,
        *(found[f"stem.conv1.norm.{part}"] for part in ("running_mean", "running_var")),
        *(found[f"stem.conv1.norm.{part}"] for part in ("weight", "bias")),
        eps=1e-5,
    )
    scale, offset = torch.tensor([1.0, 2, 3, 4]), torch.tensor([4.0, 3, 2, 1])
    expected = batch * scale[:, None, None] + offset[:, None, None]
    assert torch.allclose(normalised, expected, atol=1e-6)


@pytest.mark.detectron2
def test_renames_caffe2_as_detectron2_does(tmp_path: Path) -> None:
    loading = pytest.importorskip("detectron2.checkpoint.c2_model_loading", exc_type=ImportError)
    blobs = caffe2_resnet()
    for stage in range(2, 6):
        for branch in ("2a", "2b", "2c"):
            prefix = f"res{stage}_0_branch{branch}"
            parts = ("w", "bn_rm", "bn_riv", "bn_s", "bn_b")
            blobs |= {f"{prefix}_{part}": blob(2, 2, 1, 1)[: 1 + stage] for part in parts}
    used = {
        name: torch.from_numpy(array)
        for name, array in blobs.items()
        if not name.startswith("fc1000") and not name.endswith("_momentum") and name != "conv1_b"
    }
    expected, _ = loading.convert_c2_detectron_names(used)
    found = read_checkpoint(write_pickle(tmp_path / "r.pkl", blobs))
    assert found.keys() == expected.keys()


def test_refuses_a_caffe2_detector(tmp_path: Path) -> None:
    blobs = caffe2_resnet() | {"fpn_inner_res5_2_sum_w": blob(1), "rpn_cls_logits_fpn2_w": blob(1)}
    path = write_pickle(tmp_path / "x.pkl", {"blobs": blobs, "cfg": "MODEL: {}"})
    with pytest.raises(
        CheckpointError, match=r"fpn_inner_res5_2_sum_w.*Detectron2's own model zoo"
    ):
        read_checkpoint(path)


# What runs code


class Call:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


class Sly(collections.OrderedDict[str, object]):
    """A subclass of an admitted class."""


def poisons(marker: Path) -> dict[str, object]:
    """Contents that would make the marker file if they were read carelessly."""
    touch = f"touch '{marker}'"
    python = f"open({str(marker)!r}, 'w').close()"
    system = Call(os.system, touch)
    return {
        "system": {"model": system},
        "eval": {"model": {"w": Call(eval, python)}},
        "exec": {"model": {"w": np.ones(1)}, "optimizer": Call(exec, python)},
        "as a key": {"model": {system: np.ones(1)}},
        "in an OrderedDict": collections.OrderedDict(model=collections.OrderedDict(w=system)),
        "in a subclass": Sly(w=system),
        "in an object array": {"w": np.array([system], dtype=object)},
        "getattr": {"w": Call(getattr, os, "system")},
        "in bookkeeping": {"model": {"w": np.ones(1)}, "__author__": system},
    }


@pytest.mark.parametrize("kind", poisons(Path("x")))
@pytest.mark.parametrize("write", ["pickle", "torch", "torch legacy"])
def test_code_in_a_file_does_not_run(tmp_path: Path, kind: str, write: str) -> None:
    marker, path = tmp_path / "ran", tmp_path / "poisoned"
    content = poisons(marker)[kind]
    if kind == "getattr":
        content = {"w": Call(Call, Call(os.system, f"touch '{marker}'"))}
    if write == "pickle":
        write_pickle(path, content)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=write == "torch")
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert not marker.exists()
    assert str(path) in str(caught.value) and "weights_only" not in str(caught.value)


def test_the_poison_works_where_it_is_not_guarded(tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(poisons(marker)["system"]))
    assert marker.exists()


def test_code_put_into_a_good_torch_file_does_not_run(tmp_path: Path) -> None:
    good, bad, marker = tmp_path / "good.pth", tmp_path / "bad.pth", tmp_path / "ran"
    torch.save({"model": {"w": torch.ones(3)}}, good)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename.endswith("data.pkl"):
                data = pickle.dumps(Call(os.system, f"touch '{marker}'"), 2) + data
            target.writestr(entry, data)
    with pytest.raises(CheckpointError, match="could run foreign code"):
        read_checkpoint(bad)
    assert not marker.exists()


def test_a_plain_pickle_of_tensors_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"with torch\.save"):
        read_checkpoint(write_pickle(tmp_path / "x.pkl", {"w": torch.ones(2)}))


# What is not weights


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n <!DOCTYPE html><html><body>503", "web page"),
        (b"<html><head><title>Log in</title>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "Unpack"),
        (b"Not Found", "begins with b'Not Found'"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (b"\x80\x02" + bytes(50), "damaged"),
        (struct.pack("<Q", 4) + b"{]]]" + bytes(8), "damaged"),
    ],
)
def test_says_what_came_instead(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "model.pkl").write_bytes(data)
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(tmp_path / "model.pkl")


def test_says_that_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match="directory"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle", "safetensors"])
def test_refuses_a_file_cut_off_anywhere(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "pickle":
        write_pickle(path, {"model": weights()})
    elif kind == "safetensors":
        numpy = pytest.importorskip("safetensors.numpy")
        numpy.save_file({"w": np.ones(100, dtype=np.float32)}, path)
    else:
        content = {"model": {"w": torch.ones(100)}}
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 25)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "got none"),
        ({"model": {}}, "got none"),
        ([np.ones(2)], "mapping of names to weights in the file, got list"),
        (np.ones(2), "mapping"),
        ({"model": {"w": np.ones(2)}, "surprise": 1}, "surprise"),
        ({1: np.ones(2)}, "names of weights"),
        ({"w": "text"}, "w: expected an array, got str"),
        ({"w": 1.5}, "w: expected an array, got float"),
        ({"w": np.array([1, None], dtype=object)}, "Python objects"),
        ({"w": np.array(["a"])}, "U1"),
        ({"w": np.zeros(2, dtype="f4,i4")}, "records|V8"),
        ({"w": np.ones(2, dtype=np.complex64)}, "c8"),
        ({"w": np.arange(3)}, r"floating-point numbers of 16 to 64 bits, got torch\.int64"),
        ({"w": np.array([True])}, r"torch\.bool"),
        ({"w": np.array([1.0, np.nan])}, "NaN"),
        ({"w": np.array([np.inf])}, "infinity"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_refuses_what_is_not_weights(
    tmp_path: Path, content: object, words: str, protocol: int
) -> None:
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(write_pickle(tmp_path / "x.pkl", content, protocol))


@pytest.mark.filterwarnings("ignore:Validating sparse:UserWarning")
@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.ones(1).expand(10**12), "contiguous"),
        (torch.eye(2).to_sparse(), "dense"),
        (torch.empty(10**12, device="meta"), "dense"),
        (torch.arange(3), "floating-point"),
        (torch.ones(2, dtype=torch.complex64), "floating-point"),
        (torch.ones(2).to(torch.float8_e5m2), "floating-point"),
    ],
)
def test_refuses_odd_tensors(tmp_path: Path, tensor: torch.Tensor, words: str) -> None:
    torch.save({"w": tensor}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(tmp_path / "x.pth")


def test_refuses_an_array_larger_than_its_bytes(tmp_path: Path) -> None:
    data = pickle.dumps({"w": np.ones(3, dtype=np.float32)}, 4)
    assert data.count(b"K\x03\x85") == 1
    (tmp_path / "x.pkl").write_bytes(data.replace(b"K\x03\x85", b"K\x7f\x85"))
    with pytest.raises(CheckpointError, match=r"shape \(127,\), got 12"):
        read_checkpoint(tmp_path / "x.pkl")


def test_refuses_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({"w": torch.ones(1000)}, path)
    size = path.stat().st_size
    assert read_checkpoint(path, max_bytes=size).keys() == {"w"}
    with pytest.raises(CheckpointError, match=f"at most {size - 1} bytes, got {size}"):
        read_checkpoint(path, max_bytes=size - 1)


def test_refuses_a_zip_that_unpacks_to_more(tmp_path: Path) -> None:
    plain, bomb = tmp_path / "plain.pth", tmp_path / "bomb.pth"
    torch.save({"w": torch.zeros(1_000_000)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w") as target:
        for entry in source.infolist():
            target.writestr(entry, source.read(entry), zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(CheckpointError, match="unpacks to"):
        read_checkpoint(bomb, max_bytes=1_000_000)


def test_refuses_many_names_for_one_large_storage(tmp_path: Path) -> None:
    large = torch.ones(1000)
    torch.save({f"w{index}": large for index in range(100)}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="got more"):
        read_checkpoint(tmp_path / "x.pth", max_bytes=100_000)


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    weights = {"a.weight": torch.ones(2)}
    torch.save({"model": weights, "metadata": {"kind": "hints"}}, tmp_path / "said.pth")
    torch.save({"model": weights}, tmp_path / "silent.pth")
    save_file(weights, tmp_path / "said.safetensors", metadata={"kind": "hints"})
    save_file(weights, tmp_path / "silent.safetensors")
    for suffix in ("pth", "safetensors"):
        assert read_metadata(tmp_path / f"said.{suffix}") == {"kind": "hints"}
        assert read_metadata(tmp_path / f"silent.{suffix}") == {}
        assert list(read_checkpoint(tmp_path / f"said.{suffix}")) == ["a.weight"]


@pytest.mark.parametrize("metadata", [["hints"], {"kind": 3}, {1: "hints"}])
def test_metadata_that_is_not_texts_is_refused(tmp_path: Path, metadata: object) -> None:
    path = tmp_path / "odd.pth"
    torch.save({"model": {"a.weight": torch.ones(2)}, "metadata": metadata}, path)
    with pytest.raises(CheckpointError, match="expected strings by name under 'metadata'"):
        read_metadata(path)
