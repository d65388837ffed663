"""Read a file of weights without trusting it: Detectron2, Caffe2, PyTorch and safetensors files.

``torch.load`` runs only with ``weights_only``; plain pickles go through ``safe_pickle``. What is in
a file is recognised by its first bytes, not by its name.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from vx_detectron.errors import CheckpointError
from vx_detectron.weights.safe_pickle import PickledArray, read_pickle

if TYPE_CHECKING:
    import torch

MAX_BYTES = 4 * 2**30

# What checkpoints carry beside the weights: Detectron2's and fvcore's checkpointers, D2Go, Caffe2.
BOOKKEEPING = frozenset(
    {
        "__author__",
        "cfg",
        "config",
        "ema_state",
        "epoch",
        "grad_scaler",
        "iteration",
        "matching_heuristics",
        "metadata",
        "optimizer",
        "scheduler",
        "training",
        "trainer",
    }
)

# Scales and zero points of a quantised export of D2Go, beside the weights in floating point.
_QUANTISATION = ".quant_stubs."

_PYTORCH_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # its magic number


def read_checkpoint(
    path: str | PathLike[str], *, max_bytes: int = MAX_BYTES
) -> dict[str, torch.Tensor]:
    """The weights in a file, by name.

    Reads what ``torch.save`` writes (``.pth``), Detectron2's model zoo (``.pkl`` with NumPy
    arrays, of Python 2 or 3), ResNet backbones of Caffe2 (renamed to Detectron2's names without
    their prefix: ``stem.conv1.weight``, ``res2.0.conv1.norm.weight``), and ``.safetensors``. The
    weights may be the whole file or stand under ``model``; the bookkeeping beside them (iteration,
    optimizer, ...) and D2Go's ``quant_stubs`` are dropped. No code in the file is run.

    Args:
        path: the file.
        max_bytes: a larger file, or one that unpacks to more, is refused.

    Returns:
        CPU tensors with the dtypes of the file: floating point and finite, except the integer
        ``num_batches_tracked`` of a BatchNorm. At least one.

    Raises:
        CheckpointError: no such file, another kind of file, damaged, unsafe, too large, or
            holding anything but weights.
    """
    path = Path(path)
    try:
        read = _reader(path, max_bytes)
        weights = _weights(read(path))
        tensors = {name: _tensor(name, value) for name, value in weights.items()}
        if sum(tensor.nbytes for tensor in tensors.values()) > max_bytes:
            raise CheckpointError(f"expected weights of at most {max_bytes} bytes, got more.")
    except CheckpointError as error:
        raise CheckpointError(f"Cannot read the weights in {path}: {error}") from error
    except OSError as error:
        raise CheckpointError(
            f"Cannot read the weights in {path}: {error.strerror or error}. Check the path."
        ) from error
    return tensors


def read_metadata(path: str | PathLike[str], *, max_bytes: int = MAX_BYTES) -> dict[str, str]:
    """The metadata of a file of weights: strings by name; empty if there are none.

    They stand in the head of a safetensors file, and under ``metadata`` in any other.

    Raises:
        CheckpointError: as ``read_checkpoint``, or ``metadata`` is not texts by name.
    """
    path = Path(path)
    try:
        read = _reader(path, max_bytes)
        content = _safetensors_metadata(path) if read is _read_safetensors else read(path)
    except CheckpointError as error:
        raise CheckpointError(f"Cannot read the weights in {path}: {error}") from error
    except OSError as error:
        raise CheckpointError(
            f"Cannot read the weights in {path}: {error.strerror or error}. Check the path."
        ) from error
    found = content.get("metadata", {}) if isinstance(content, Mapping) else {}
    if not isinstance(found, Mapping) or not all(
        isinstance(text, str) for pair in found.items() for text in pair
    ):
        raise CheckpointError(
            f"Cannot read the weights in {path}: expected strings by name under 'metadata', got "
            f"{type(found).__name__}. Save strings there, or nothing."
        )
    return dict(found)


def _reader(path: Path, max_bytes: int) -> Callable[[Path], object]:
    """The function that reads this kind of file, recognised by its size and first bytes."""
    size = path.stat().st_size
    if size > max_bytes:
        raise CheckpointError(
            f"expected at most {max_bytes} bytes, got {size}. Is it the right file?"
        )
    with path.open("rb") as file:
        head = file.read(256)
    if head.startswith(b"PK\x03\x04"):
        _check_unpacked_size(path, max_bytes)
        return _read_pytorch
    if head.startswith(_PYTORCH_LEGACY):
        return _read_pytorch
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return _read_safetensors
    if head.startswith((b"\x80", b"(dp", b"}q", b"ccollections\n")):
        return read_pickle
    raise CheckpointError(f"expected a checkpoint (.pth, .pkl or .safetensors), {_guess(head)}")


def _guess(head: bytes) -> str:
    """What a file that is not a checkpoint may be, and what to do."""
    if not head:
        return "the file is empty. Download it again."
    if head.startswith(b"version https://git-lfs"):
        return "got a Git LFS pointer, not the file itself. Run `git lfs pull`."
    if re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        return "got a web page, probably an error or log-in page. Use a direct URL."
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")):
        return "got a compressed file. Unpack it first."
    return f"got a file that begins with {head[:16]!r}. Is it the right file?"


def _check_unpacked_size(path: Path, max_bytes: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"it is damaged or cut off ({error}). Download it again.") from error
    if unpacked > max_bytes:
        raise CheckpointError(
            f"expected at most {max_bytes} bytes, it unpacks to {unpacked}. Do not use this file."
        )


def _read_pytorch(path: Path) -> object:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # Damaged and hostile files fail in many ways.
        # Not all of PyTorch's message is passed on: it explains how to load without safety.
        unsafe = re.search(r"GLOBAL ([\w.]+)", str(error))
        if unsafe:
            raise CheckpointError(
                f"it wants to use {unsafe[1]}, expected only tensors and containers; reading it "
                "could run foreign code, so it was not read. Get the weights from a source you "
                "trust, or save them again with only a state_dict inside."
            ) from error
        reason = str(error).rpartition("WeightsUnpickler error: ")[2].partition("\n")[0][:200]
        raise CheckpointError(
            f"expected what torch.save writes, it is damaged, cut off or unsafe "
            f"({type(error).__name__}: {reason}). Download it again."
        ) from error


def _read_safetensors(path: Path) -> object:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise _without_safetensors() from error
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"it is damaged or cut off ({error}). Download it again.") from error


def _safetensors_metadata(path: Path) -> dict[str, object]:
    """Under ``metadata``, as other files have it."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise _without_safetensors() from error
    try:
        with safe_open(path, "np") as file:
            return {"metadata": file.metadata() or {}}
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"it is damaged or cut off ({error}). Download it again.") from error


def _without_safetensors() -> CheckpointError:
    return CheckpointError(
        "it is a safetensors file, and the package safetensors is not installed. "
        "Run `pip install safetensors`."
    )


def _weights(content: object) -> dict[str, object]:
    """The mapping of names to weights in what was read, with Detectron2's names."""
    state = _mapping(content, "the file")
    for wrapper in ("model", "blobs"):
        if isinstance(state.get(wrapper), Mapping):
            unknown = sorted(str(key) for key in set(state) - BOOKKEEPING - {wrapper})
            if unknown:
                raise CheckpointError(
                    f"expected only {wrapper!r} and bookkeeping, got also {_some(unknown)}. "
                    "Save the weights alone, under 'model'."
                )
            state = _mapping(state[wrapper], repr(wrapper))
            break
    state = {
        key: value
        for key, value in state.items()
        if key not in BOOKKEEPING and _QUANTISATION not in str(key)
    }
    odd = [key for key in state if not isinstance(key, str)]
    if odd:
        raise CheckpointError(f"expected names of weights, got {_some(map(repr, odd))}.")
    if not state:
        raise CheckpointError("expected weights, got none. Is it the right file?")
    named = {str(name): value for name, value in state.items()}
    return _from_caffe2(named) if "conv1_w" in named else named


def _mapping(value: object, where: str) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise CheckpointError(
            f"expected a mapping of names to weights in {where}, got {type(value).__name__}. "
            "Save a state_dict, not a whole model."
        )
    return value


def _tensor(name: str, value: object) -> torch.Tensor:
    """One weight as a plain CPU tensor, checked."""
    import torch

    if isinstance(value, PickledArray):
        try:
            value = torch.from_numpy(value.to_numpy())
        except (CheckpointError, TypeError) as error:
            raise CheckpointError(f"{name}: {error}") from error
    if not isinstance(value, torch.Tensor):
        raise CheckpointError(
            f"{name}: expected an array, got {type(value).__name__}. Is it a file of weights?"
        )
    tensor = value.detach()
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise CheckpointError(f"{name}: expected a dense tensor. Save it dense and unquantised.")
    if tensor.nbytes > tensor.untyped_storage().nbytes():
        raise CheckpointError(
            f"{name}: expected {tensor.nbytes} bytes for shape {tuple(tensor.shape)}, the file "
            f"holds {tensor.untyped_storage().nbytes()}. Save it with .contiguous()."
        )
    counter = name.endswith("num_batches_tracked") and tensor.dtype in (torch.int64, torch.int32)
    floats = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    if tensor.dtype not in floats and not counter:
        raise CheckpointError(
            f"{name}: expected floating-point numbers of 16 to 64 bits, got {tensor.dtype}. "
            "Is it a file of weights?"
        )
    if not counter and not bool(torch.isfinite(tensor).all()):
        raise CheckpointError(
            f"{name}: expected finite numbers, got NaN or infinity. The training has diverged; "
            "take an earlier checkpoint."
        )
    return tensor


# Caffe2's ResNet names; https://github.com/facebookresearch/Detectron, modeling/ResNet.py.
_CAFFE2 = re.compile(
    r"(?:conv1|res_conv1|res(?P<stage>[2-5])_(?P<block>\d+)_branch(?P<branch>1|2[abc]))"
    r"(?P<norm>_bn)?_(?P<part>[a-z_]+)"
)
_CAFFE2_BRANCHES = {"1": "shortcut", "2a": "conv1", "2b": "conv2", "2c": "conv3"}
_CAFFE2_NORM_PARTS = {
    "s": "weight",
    "gamma": "weight",
    "b": "bias",
    "beta": "bias",
    "rm": "running_mean",
    "running_mean": "running_mean",
    "riv": "running_var",
    "running_var": "running_var",
}
# The classifier, and the stem's bias that the normalisation after it makes void.
_CAFFE2_UNUSED = re.compile(r"fc1000_[wb]|pred_[wb]|conv1_b|lr|model_iter|weight_order|.*_momentum")
_NORM_EPS = 1e-5


def _from_caffe2(blobs: Mapping[str, object]) -> dict[str, object]:
    """The blobs of a ResNet backbone under Detectron2's names."""
    names = {blob: _caffe2_name(blob) for blob in blobs if not _CAFFE2_UNUSED.fullmatch(blob)}
    unknown = [blob for blob, name in names.items() if name is None]
    if unknown:
        raise CheckpointError(
            f"expected the blobs of a Caffe2 ResNet backbone, got also {_some(unknown)}. Only "
            "backbones are converted; take a detector from Detectron2's own model zoo."
        )
    renamed = {str(name): blobs[blob] for blob, name in names.items()}
    if len(renamed) < len(names):
        raise CheckpointError("expected every blob once, but two of them are the same weight.")
    return renamed | _folded_statistics(renamed)


def _caffe2_name(blob: str) -> str | None:
    match = _CAFFE2.fullmatch(blob)
    if match is None:
        return None
    part = (
        _CAFFE2_NORM_PARTS.get(match["part"])
        if match["norm"]
        else {"w": "weight"}.get(match["part"])
    )
    if part is None:
        return None
    norm = "norm." if match["norm"] else ""
    if match["stage"] is None:
        return f"stem.conv1.{norm}{part}"
    return f"res{match['stage']}.{match['block']}.{_CAFFE2_BRANCHES[match['branch']]}.{norm}{part}"


def _folded_statistics(weights: Mapping[str, object]) -> dict[str, object]:
    """Mean 0 and variance 1 for normalisations that Caffe2 folded into scale and offset.

    The variance is less by epsilon, so that a frozen BatchNorm divides by exactly 1.
    """
    import torch

    added: dict[str, object] = {}
    for name, scale in weights.items():
        prefix = name.removesuffix("norm.weight")
        if prefix == name or f"{prefix}norm.running_var" in weights:
            continue
        size = _tensor(name, scale).shape
        added[f"{prefix}norm.running_mean"] = torch.zeros(size)
        added[f"{prefix}norm.running_var"] = torch.full(size, 1.0 - _NORM_EPS)
    return added


def _some(names: Iterable[str]) -> str:
    """The first few of many names, for a message."""
    listed = list(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
