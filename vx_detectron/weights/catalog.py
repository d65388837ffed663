"""Where weights come from: a path, this package, an https URL, or Detectron2's model zoo."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from vx_detectron.errors import CheckpointError, DownloadError
from vx_detectron.ir_file import SUFFIX as IR_SUFFIX
from vx_detectron.ir_file import is_ir, numbers_of, sha256_of_numbers
from vx_detectron.weights.fetch import download, sha256_of
from vx_detectron.weights.safe_http import require_safe_url

__all__ = [
    "CATALOG",
    "EXPORTED",
    "IN_TRAINING",
    "WeightsFile",
    "bundled",
    "cache_path",
    "download",
    "exported_form",
    "fetch",
    "fetch_file",
    "resolve",
    "sha256_of",
    "url_of",
    "weights_sha256",
]

# What an engine names instead of a file when it runs a model that is being trained.
IN_TRAINING = "a model in training"

_BUNDLED = "bundled://"
EXPORTED = (".onnx", IR_SUFFIX)
"""How the names of exported networks end."""
ZOO = "https://dl.fbaipublicfiles.com/detectron2/"


@dataclass(frozen=True)
class WeightsFile:
    """One public file of weights.

    Attributes:
        url: where it is.
        about: what it is, in a few words.
        size: its length in bytes, or None where it is not published.
        sha256: its digest, or None where it is not published.
        md5: its md5, or how that begins, where no sha256 is published.
    """

    url: str
    about: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None


_COCO = ZOO + "COCO-InstanceSegmentation/"
_IMAGENET = ZOO + "ImageNetPretrained/"

# Addresses and AP: Detectron2's MODEL_ZOO.md, which puts all of them under CC BY-SA 3.0.
# The digests are those that CompressAI-Vision publishes. A zoo file's name ends with the first
# digits of its md5 (MODEL_ZOO.md, "How to Read the Tables"), checked where no sha256 is known.
CATALOG: Mapping[str, WeightsFile] = MappingProxyType(
    {
        "mask_rcnn_R_50_FPN_1x": WeightsFile(
            _COCO + "mask_rcnn_R_50_FPN_1x/137260431/model_final_a54504.pkl",
            "COCO, Mask R-CNN R50-FPN 1x, box/mask AP 38.6 / 35.2",
        ),
        "mask_rcnn_R_50_FPN_3x": WeightsFile(
            _COCO + "mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl",
            "COCO, Mask R-CNN R50-FPN 3x, box/mask AP 41.0 / 37.2",
            size=177_841_981,
            sha256="9a737e290372f1f70994ebcbd89d8004dbb3ae30a605fd915a190fa4a782dd66",
        ),
        "mask_rcnn_R_101_FPN_3x": WeightsFile(
            _COCO + "mask_rcnn_R_101_FPN_3x/138205316/model_final_a3ec72.pkl",
            "COCO, Mask R-CNN R101-FPN 3x, box/mask AP 42.9 / 38.6",
        ),
        "mask_rcnn_X_101_32x8d_FPN_3x": WeightsFile(
            _COCO + "mask_rcnn_X_101_32x8d_FPN_3x/139653917/model_final_2d9806.pkl",
            "COCO, Mask R-CNN X101-FPN 3x, box/mask AP 44.3 / 39.5",
            sha256="12f6e1811baf1b4d329c3f5ac5ec52d8f634d3cedc82a13fff55d0c05d84f442",
        ),
        "R-50": WeightsFile(_IMAGENET + "MSRA/R-50.pkl", "ImageNet, MSRA ResNet-50, to train from"),
        "R-101": WeightsFile(
            _IMAGENET + "MSRA/R-101.pkl", "ImageNet, MSRA ResNet-101, to train from"
        ),
        "X-101-32x8d": WeightsFile(
            _IMAGENET + "FAIR/X-101-32x8d.pkl", "ImageNet, ResNeXt-101-32x8d, to train from"
        ),
    }
)


def resolve(spec: str, *, progress: bool = True) -> Path:
    """The local file that ``MODEL.WEIGHTS`` refers to, downloaded first if necessary.

    Args:
        spec: one of

            - a path, relative to the current folder or absolute, ``~`` allowed;
            - ``bundled://NAME``: a file inside this package;
            - ``detectron2://PATH``: Detectron2's model zoo;
            - ``https://...``; plain ``http://`` only to this machine.
        progress: show a progress bar while downloading, on a terminal.

    Returns:
        A file that exists. Its contents are not looked at, except for the length and digests
        that are known.

    Raises:
        CheckpointError: nothing has that name.
        DownloadError: it could not be downloaded completely.
    """
    scheme, separator, name = spec.partition("://")
    if not separator:
        return _local(spec)
    if scheme == "bundled":
        return _bundled(name)
    if scheme in ("detectron2", "https", "http"):
        return fetch(url_of(spec), progress=progress)
    raise CheckpointError(
        f"Expected a path, bundled://, detectron2:// or https:// as weights, got {spec!r}. "
        "Download the file yourself and pass its path."
    )


def url_of(spec: str) -> str:
    """The URL for a catalog name, ``detectron2://`` or ``https://``. Raises CheckpointError."""
    if spec in CATALOG:
        return CATALOG[spec].url
    if spec.startswith("detectron2://"):
        return ZOO + spec.removeprefix("detectron2://")
    if "://" in spec:
        return spec
    raise CheckpointError(
        f"Expected one of {', '.join(CATALOG)}, or a detectron2:// or https:// URL, got {spec!r}."
    )


def fetch(url: str, *, progress: bool = True) -> Path:
    """The cached file of a URL, downloaded if it is missing; see ``download``."""
    known = next((file for file in CATALOG.values() if file.url == url), WeightsFile(url, ""))
    return fetch_file(known, progress=progress)


def fetch_file(file: WeightsFile, *, progress: bool = True) -> Path:
    """A public file in the cache, downloaded if it is missing or incomplete; see ``download``."""
    digits = re.fullmatch(re.escape(ZOO) + r".*_([0-9a-f]{6})\.pkl", file.url)
    return download(
        file.url,
        cache_path(file.url),
        size=file.size,
        sha256=file.sha256,
        md5=file.md5 or (digits[1] if digits else None),
        progress=progress,
    )


def cache_path(url: str) -> Path:
    """Where the file of a URL is kept: in Detectron2's own cache.

    Detectron2 (through iopath) keeps ``https://host/a/b.pkl`` as ``a/b.pkl`` in ``$FVCORE_CACHE``
    or ``~/.torch/iopath_cache``. Zoo files go to the same place, so that a file downloaded by
    either serves both. Each other host gets its own folder, since ``a/b.pkl`` of two hosts would
    collide, and a query adds its digest to the name.

    Raises:
        DownloadError: a URL that names no file, or one outside the cache.
    """
    require_safe_url(url)
    parts = urlsplit(url)
    names = parts.path.split("/")[1:]
    if not names or any(name in ("", ".", "..") or re.search(r'[:*"<>|]', name) for name in names):
        raise DownloadError(f"Expected the URL of a file, got {url!r}. Check the URL.")
    if parts.query:
        stem = Path(names[-1])
        digest = hashlib.sha256(parts.query.encode()).hexdigest()[:12]
        names[-1] = f"{stem.stem}_{digest}{stem.suffix}"
    if parts.hostname != urlsplit(ZOO).hostname:
        names.insert(0, re.sub(r"[^a-z0-9.-]", "_", parts.netloc.lower()))
    root = os.environ.get("FVCORE_CACHE") or "~/.torch/iopath_cache"
    return Path(root).expanduser().joinpath(*names)


def bundled() -> tuple[str, ...]:
    """Names of the weights inside this package, for ``bundled://``."""
    folder = _bundled_folder()
    if not folder.is_dir():
        return ()
    suffixes = (".onnx", ".safetensors", ".pth", ".pkl")
    return tuple(sorted(file.name for file in folder.iterdir() if file.suffix in suffixes))


def exported_form(spec: str) -> str | None:
    """The exported file for some weights: they themselves, or the bundled file beside them."""
    if spec.lower().endswith(EXPORTED):
        return spec
    beside = spec.removeprefix(_BUNDLED).rpartition(".")[0] + EXPORTED[0]
    return _BUNDLED + beside if spec.startswith(_BUNDLED) and beside in bundled() else None


def weights_sha256(path: Path) -> str:
    """The digest of a file of weights; of an OpenVINO network that of its two files in a row.

    Raises:
        CheckpointError: an OpenVINO network whose ``.bin`` is missing, or that of another one.
        OSError: it cannot be read.
    """
    if not is_ir(path):
        return sha256_of(path)
    numbers = numbers_of(path)
    if not numbers.is_file():
        raise CheckpointError(
            f"{path} needs its weights beside it, and there is no {numbers.name}; copy both files "
            "that `vx export` wrote"
        )
    digest, own = hashlib.sha256(path.read_bytes()), hashlib.sha256()
    with open(numbers, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
            own.update(chunk)
    try:
        expected = sha256_of_numbers(path)
    except ValueError as error:
        raise CheckpointError(f"{path} is not an OpenVINO network: {error}") from error
    if expected not in (None, own.hexdigest()):
        raise CheckpointError(
            f"{numbers} is damaged, or belongs to another network than {path.name}; copy both "
            "files that `vx export` wrote, or export it again"
        )
    return digest.hexdigest()


def _bundled_folder() -> Path:
    return Path(str(importlib.resources.files("vx_detectron").joinpath("weights")))


def _bundled(name: str) -> Path:
    if name not in bundled():
        there = ", ".join(bundled()) or "none; was the package installed without its data?"
        raise CheckpointError(
            f"Expected the name of weights bundled with this package, got {name!r}. "
            f"There are: {there}."
        )
    return _bundled_folder() / name


def _local(spec: str) -> Path:
    if not spec:
        raise CheckpointError(
            "Expected weights, got none. Set MODEL.WEIGHTS, or VX.EYE.WEIGHTS for the eye, to a "
            "path, bundled://, detectron2:// or https://."
        )
    path = Path(spec).expanduser()
    if path.is_file():
        return path
    if spec in CATALOG:
        hint = f"For the public file of that name, use {CATALOG[spec].url}."
    else:
        hint = f"Check the path; it is looked up from {Path.cwd()}."
    raise CheckpointError(
        f"Expected a file of weights, {'a folder' if path.is_dir() else 'nothing'} is at {spec}. "
        f"{hint}"
    )
