"""``info``: what is installed and what can run, for people and for bug reports."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vx_detectron import __version__
from vx_detectron.cli.common import Command, result

# Module to the distributions that may provide it.
LIBRARIES = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "detectron2": ("detectron2",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "openvino": ("openvino",),
    "pydensecrf": ("pydensecrf2", "pydensecrf"),
    "pillow_heif": ("pillow-heif",),
    "psd_tools": ("psd-tools",),
    "flask": ("flask",),
    "numpy": ("numpy",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless"),
    "PIL": ("pillow",),
}
ENGINES = {
    "torchvision": ("torch", "torchvision"),
    "detectron2": ("torch", "detectron2"),
    "onnx": ("onnxruntime",),
}
"""Engine to the modules that it needs."""


@click.command(cls=Command, name="info")
@click.option("--check", is_flag=True, help="Also import the libraries, which takes a few seconds: "
              "shows those that are installed but broken, and the devices that torch "
              "sees.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(check: bool, as_json: bool) -> None:
    """Show the version, the libraries, the engines that can run, the weights and the cache.

    Guests are other projects' networks that can be the eye (--eye NAME), with the licence that
    their source states.

    Copy it into a bug report: it contains no personal data except the paths of this
    installation.
    """
    found = collect(check)
    if as_json:
        result(json.dumps(found))
        return
    for line in _lines(found):
        result(line)


def collect(check: bool = False) -> dict[str, Any]:
    """Everything that ``info`` shows.

    Args:
        check: import the libraries; without it nothing heavy but ONNX Runtime is loaded, and a
            library counts as working when it is installed.

    Returns:
        A dict for JSON. ``libraries`` maps a module to its version, or to None where it is not
        installed; ``broken`` a module to the reason why it cannot be imported; ``guests`` a name to
        its licence, its source and, if the file is on this machine, its ``path``. ``providers``
        are the execution providers of ONNX Runtime.
    """
    from vx_detectron.engines import guests
    from vx_detectron.weights import catalog

    libraries = {name: _version(name) for name in LIBRARIES}
    tried = LIBRARIES if check else ("onnxruntime",)
    broken = _import_all([name for name in tried if libraries[name]])
    works = {
        engine: [name for name in needs if libraries.get(name) is None or name in broken]
        for engine, needs in ENGINES.items()
    }
    found: dict[str, Any] = {
        "version": __version__,
        "location": str(Path(__file__).parents[1]),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "libraries": libraries,
        "broken": broken,
        "engines": {engine: not missing for engine, missing in works.items()},
        "missing": {engine: missing for engine, missing in works.items() if missing},
        "weights": {
            name: catalog.sha256_of(catalog.resolve(f"bundled://{name}"))
            for name in catalog.bundled()
        },
        "providers": _providers() if works["onnx"] == [] else [],
        "guests": {
            name: {
                "licence": guest.licence,
                "source": guest.source,
                "path": None if (path := guests.find(name)) is None else str(path),
            }
            for name, guest in guests.GUESTS.items()
        },
        "cache": str(catalog.cache_path(f"{catalog.ZOO}file").parent),
    }
    if check and libraries["torch"] and "torch" not in broken:
        found["devices"] = _devices()
    return found


def _version(module: str) -> str | None:
    """The version of what provides a module, or None where nothing does."""
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except (ImportError, ValueError):
        return None
    for name in LIBRARIES[module]:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown version"


def _import_all(modules: list[str]) -> dict[str, str]:
    """Module to the reason, for those that cannot be imported."""
    broken = {}
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # a library built for another torch can raise anything
            broken[name] = f"{type(error).__name__}: {error}"
    return broken


def _providers() -> list[str]:
    """ONNX Runtime's execution providers."""
    from vx_detectron.engines import onnx_runtime

    return list(onnx_runtime.available_providers())


def _devices() -> list[str]:
    """What torch can compute on."""
    import torch

    gpus = [
        f"cuda:{number} ({torch.cuda.get_device_name(number)})"
        for number in range(torch.cuda.device_count())
    ]
    return ["cpu", *gpus]


def _lines(found: dict[str, Any]) -> list[str]:
    def version(name: str) -> str:
        broken = found["broken"].get(name)
        text = found["libraries"][name] or "not installed"
        return f"{text}, cannot be imported: {broken}" if broken else text

    def engine(name: str) -> str:
        missing = found["missing"].get(name)
        return f"needs {', '.join(missing)}" if missing else "can run"

    def guest(name: str) -> str:
        row = found["guests"][name]
        return f"{row['path'] or 'not downloaded'}; licence: {row['licence']}"

    def section(title: str, names: list[str], say: Callable[[str], str]) -> list[str]:
        width = max(map(len, names), default=0)
        return [f"{title}:", *(f"  {name:{width}}  {say(name)}" for name in names)]

    lines = [
        f"VX Detectron {found['version']}, {found['location']}",
        f"Python {found['python']}, {found['executable']}",
        found["platform"],
        *section("Libraries", list(found["libraries"]), version),
        *section("Engines", list(found["engines"]), engine),
        f"ONNX Runtime's providers: {', '.join(found['providers']) or 'none'}",
        *section("Bundled weights", list(found["weights"]), lambda name: (
            f"sha256 {found['weights'][name]}")),
        *section("Guests, for --eye", list(found["guests"]), guest),
        f"Cache: {found['cache']}",
    ]  # fmt: skip
    if "devices" in found:
        lines.append(f"Devices: {', '.join(found['devices'])}")
    else:
        lines.append("Devices: not checked; use --check")
    return lines


if __name__ == "__main__":
    main()
