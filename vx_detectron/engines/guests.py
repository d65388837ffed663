"""Guests: salient-object networks of other projects that can be the eye. One table, all of them.

A guest is named (``--eye u2net``), found where rembg keeps it or in the cache, and fetched from
where rembg fetches it otherwise; or it is an ONNX file whose name begins like one of them.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vx_detectron.engines.eye_input import LOGIT, STRETCHED, Channels, EyeInput
from vx_detectron.errors import CheckpointError
from vx_detectron.weights import catalog
from vx_detectron.weights.catalog import WeightsFile
from vx_detectron.weights.fetch import problem_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Guest:
    """One network of another project.

    Attributes:
        input: what input it expects, and what its output means.
        file: a description and its public file; without a URL you have to download it yourself.
        licence: of the weights, as their source states it.
        source: the project that it comes from.
    """

    input: EyeInput
    file: WeightsFile
    licence: str
    source: str


def _square(
    side: int, mean: Channels, std: Channels, output: str = STRETCHED, brightest: bool = False
) -> EyeInput:
    return EyeInput(side, 1, mean, std, brightest, output)


_IMAGENET: tuple[Channels, Channels] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_U2NET = _square(320, *_IMAGENET, brightest=True)
_ISNET = _square(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
_ISNET_ANIME = _square(1024, _IMAGENET[0], (1.0, 1.0, 1.0), brightest=True)
_BIREFNET = _square(1024, *_IMAGENET, LOGIT)
_STRETCHED_1024 = _square(1024, *_IMAGENET)

_REMBG = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/"
_U2NET_SOURCE, _U2NET_LICENCE = "https://github.com/xuebinqin/U-2-Net", "Apache-2.0"
_BIREFNET_SOURCE = "https://github.com/ZhengPeng7/BiRefNet"


def _birefnet(file: str, md5: str, about: str) -> Guest:
    described = WeightsFile(_REMBG + f"BiRefNet-{file}.onnx", f"BiRefNet, {about}", md5=md5)
    return Guest(_BIREFNET, described, "MIT", _BIREFNET_SOURCE)


def _u2net(name: str, md5: str, about: str, licence: str = _U2NET_LICENCE) -> Guest:
    return Guest(
        _U2NET, WeightsFile(_REMBG + f"{name}.onnx", about, md5=md5), licence, _U2NET_SOURCE
    )


# Addresses and md5 are those in rembg's source, which publishes no sizes, and a sha256 for
# bria-rmbg alone. Size and sha256 of u2netp are those of a file with rembg's md5. The input is that
# of the authors' code; of silueta, isnet-anime and bria-rmbg that of rembg.
GUESTS: Mapping[str, Guest] = MappingProxyType(
    {
        "u2net": _u2net("u2net", "60024c5c889badc19c04ad937298a77b", "U²-Net"),
        "u2netp": Guest(
            _U2NET,
            WeightsFile(
                _REMBG + "u2netp.onnx",
                "U²-Net-p, the small one",
                size=4_574_861,
                sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
                md5="8e83ca70e441ab06c318d82300c84806",
            ),
            _U2NET_LICENCE,
            _U2NET_SOURCE,
        ),
        "u2net_human_seg": _u2net(
            "u2net_human_seg", "c09ddc2e0104f800e3e1bb4652583d1f", "U²-Net for people"
        ),
        "silueta": _u2net(
            "silueta",
            "55e59e0d8062d2f5d013f4725ee84782",
            "a smaller U²-Net",
            "none stated; U²-Net's is Apache-2.0",
        ),
        "isnet-general-use": Guest(
            _ISNET,
            WeightsFile(
                _REMBG + "isnet-general-use.onnx", "ISNet", md5="fc16ebd8b0c10d971d3513d564d01e29"
            ),
            "Apache-2.0, stated for the code",
            "https://github.com/xuebinqin/DIS",
        ),
        "isnet-anime": Guest(
            _ISNET_ANIME,
            WeightsFile(
                _REMBG + "isnet-anime.onnx",
                "ISNet for drawn people",
                md5="6f184e756bb3bd901c8849220a83e38e",
            ),
            "Apache-2.0",
            "https://github.com/SkyTNT/anime-segmentation",
        ),
        "birefnet-general": _birefnet(
            "general-epoch_244", "7a35a0141cbbc80de11d9c9a28f52697", "for general use"
        ),
        "birefnet-general-lite": _birefnet(
            "general-bb_swin_v1_tiny-epoch_232", "4fab47adc4ff364be1713e97b7e66334", "smaller"
        ),
        "birefnet-portrait": _birefnet(
            "portrait-epoch_150", "c3a64a6abf20250d090cd055f12a3b67", "for portraits"
        ),
        "birefnet-dis": _birefnet(
            "DIS-epoch_590", "2d4d44102b446f33a4ebb2e56c051f2b", "for fine structures"
        ),
        "birefnet-hrsod": _birefnet(
            "HRSOD_DHU-epoch_115", "c017ade5de8a50ff0fd74d790d268dda", "for large photos"
        ),
        "birefnet-cod": _birefnet(
            "COD-epoch_125", "f6d0d21ca89d287f17e7afe9f5fd3b45", "for camouflaged things"
        ),
        "birefnet-massive": _birefnet(
            "massive-TR_DIS5K_TR_TEs-epoch_420",
            "33e726a2136a3d59eb0fdf613e31e3e9",
            "trained on the most photos",
        ),
        "bria-rmbg": Guest(
            _STRETCHED_1024,
            WeightsFile(
                _REMBG + "bria-rmbg-2.0.onnx",
                "RMBG 2.0",
                sha256="5b486f08200f513f460da46dd701db5fbb47d79b4be4b708a19444bcd4e79958",
            ),
            "CC BY-NC 4.0: no commercial use",
            "https://huggingface.co/briaai/RMBG-2.0",
        ),
        "rmbg-1.4": Guest(
            _ISNET,
            WeightsFile("", "RMBG 1.4"),
            "its maker's own: no commercial use",
            "https://huggingface.co/briaai/RMBG-1.4",
        ),
        "ben2-base": Guest(
            _STRETCHED_1024,
            WeightsFile("", "BEN2 Base"),
            "MIT",
            "https://huggingface.co/PramaLLC/BEN2",
        ),
    }
)

# How other files of these networks are called.
_FAMILIES = {"isnet": "isnet-general-use", "birefnet": "birefnet-general", "ben2": "ben2-base"}


def guest_of(file_name: str) -> Guest | None:
    """The guest that a file's name begins like, such as ``isnet-general-use.onnx``."""
    folded = _folded(file_name)
    starts = {**{name: name for name in GUESTS}, **_FAMILIES}
    for start in sorted(starts, key=len, reverse=True):
        if re.match(re.escape(_folded(start)) + r"(?![a-z0-9])", folded):
            return GUESTS[starts[start]]
    return None


def find(name: str) -> Path | None:
    """Where the file of a guest is, not checked: in rembg's folders or the cache; else None."""
    places = list(_rembg_places(name))
    if GUESTS[name].file.url:
        places.append(catalog.cache_path(GUESTS[name].file.url))
    return next((place for place in places if place.is_file()), None)


def resolve(name: str, *, progress: bool = True) -> Path:
    """The file of a guest, checked: rembg's, the cache's, or fetched into the cache.

    Args:
        name: of ``GUESTS``.
        progress: show a progress bar while downloading, on a terminal.

    Raises:
        CheckpointError: the file in rembg's folder is another one than rembg publishes, or there
            is none and no address to fetch it from.
        DownloadError: it could not be downloaded completely.
    """
    guest, found = GUESTS[name], find(name)
    file = guest.file
    if found in list(_rembg_places(name)):
        assert found is not None
        problem = problem_of(found, size=file.size, sha256=file.sha256, md5=file.md5)
        if problem:
            raise CheckpointError(
                f"{found} is not the {name} that rembg publishes: {problem}. Remove it to download "
                f"it again, or pass its path to use it all the same: --eye {found}"
            )
        return found
    if not file.url:
        first = next(_rembg_places(name))
        raise CheckpointError(
            f"{name} is not on this machine, and there is no known URL for it: get the ONNX file "
            f"from {guest.source} (licence: {guest.licence}) and put it at {first}, or pass its "
            f"path: --eye {name}.onnx"
        )
    if found is None:
        _log.warning("downloading %s; licence: %s, %s", name, guest.licence, guest.source)
    return catalog.fetch_file(file, progress=progress)


def _rembg_places(name: str) -> Iterator[Path]:
    """Where rembg keeps a network: of late each in a folder of its own, before that side by side.

    As there, ``U2NET_HOME`` names the folder of both.
    """
    u2net_home, data = os.environ.get("U2NET_HOME"), os.environ.get("XDG_DATA_HOME")
    home = u2net_home or os.environ.get("REMBG_HOME") or (f"{data}/rembg" if data else "~/.rembg")
    old_home = u2net_home or f"{data or '~'}/.u2net"
    file = f"{name}.onnx"
    yield Path(home).expanduser() / "models" / name / file
    yield Path(old_home).expanduser() / file


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")
