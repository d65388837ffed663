"""From yaml files and overrides to one frozen tree of configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

import yaml  # type: ignore[import-untyped]
from fvcore.common.config import CfgNode

from vx_detectron.config.defaults import DETECTRON2, VERSION, flatten
from vx_detectron.config.detectron2_values import check_detectron2_values
from vx_detectron.config.exported import SUFFIXES, exported_values
from vx_detectron.config.vx import (
    add_fbnet_config,
    add_point_rend_config,
    add_vx_config,
    check_vx_values,
)
from vx_detectron.errors import ConfigError

DEFAULT_CONFIG = "vx_fbnetv3a"  # the network whose weights are inside the package


# Keys of earlier versions, and what took their place.
REPLACED = {
    "VX.INPUT.SALIENCY_SIZES": (
        "the saliency map comes from a network of its own, the eye: set VX.EYE.SIZES, which has "
        "the first look's size too"
    ),
}
_OLD_HEADS = ("VXSaliencyHead", "VXSaliencyFPNHead")


def get_cfg() -> CfgNode:
    """A fresh tree of defaults: Detectron2's keys, PointRend's, ``MODEL.FBNET_V2`` and ``VX``."""
    cfg = CfgNode(DETECTRON2)
    add_fbnet_config(cfg)
    add_point_rend_config(cfg)
    add_vx_config(cfg)
    return cfg


def load_cfg(config_file: str | Path | None = None, overrides: Sequence[str] = ()) -> CfgNode:
    """Defaults, then a yaml file with its ``_BASE_`` files, then overrides; frozen.

    Args:
        config_file: a path, or the name of a bundled configuration such as
            ``COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x`` (see ``bundled_configs``), or an
            exported detector (``.onnx``, ``.xml``), which holds its own. None is the bundled model.
        overrides: alternating keys and values, such as ``["INPUT.MIN_SIZE_TEST", "640"]``.

    Returns:
        The configuration. Its ``dump()`` is yaml that this function reads again.

    Raises:
        ConfigError: the file is missing, is not plain yaml, or has another version than 2; a key
            is unknown; a value has another type than the default, or is invalid.

    Example:
        >>> cfg = load_cfg("vx_fbnetv3a", ["VX.REFINE.MATTING", "True"])
        >>> cfg.VX.REFINE.MATTING
        True
    """
    path = find_config(config_file)
    cfg = get_cfg()
    _merge(cfg, _read(path), str(path))
    _merge(cfg, _pairs(overrides), "the overrides")
    check_detectron2_values(cfg)
    check_vx_values(cfg)
    cfg.freeze()
    return cfg


def bundled_configs() -> dict[str, Path]:
    """The configurations that come with the package: name to file."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "configs", package.parent / "configs"):  # installed, or a checkout
        if (folder / f"{DEFAULT_CONFIG}.yaml").is_file():
            files = sorted(folder.rglob("*.yaml"))
            return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}
    raise ConfigError("the bundled configurations are missing: reinstall the package")


def find_config(config_file: str | Path | None) -> Path:
    """The file that a path or the name of a bundled configuration stands for; paths go first.

    Raises:
        ConfigError: there is neither; the message has the nearest names.
    """
    if config_file is None:
        return bundled_configs()[DEFAULT_CONFIG]
    path = Path(config_file)
    if path.is_file():
        return path
    bundled = bundled_configs()
    name = path.as_posix().removesuffix(".yaml")
    if name in bundled:
        return bundled[name]
    raise ConfigError(
        f"no configuration {str(config_file)!r}: expected the path of a yaml file or the name of a "
        f"bundled one{_did_you_mean(name, bundled) or ', such as ' + DEFAULT_CONFIG}"
    )


class _LocalYaml(CfgNode):  # type: ignore[misc]
    """fvcore's reader of ``_BASE_`` chains, held to local files in UTF-8 on every system."""

    @classmethod
    def _open_cfg(cls, filename: str) -> IO[str]:
        return open(filename, encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    """The leaves of a yaml file merged over its bases, by dotted key."""
    if path.suffix.lower() in SUFFIXES:
        return exported_values(path)
    if path.suffix == ".py":
        raise ConfigError(
            f"{path}: Detectron2's configurations in Python are not read, since they run code; "
            "expected a yaml file"
        )
    try:
        tree = _LocalYaml.load_yaml_with_base(str(path), allow_unsafe=False)
        if not isinstance(tree, dict):
            raise ConfigError(f"{path}: expected keys and values, got a {type(tree).__name__}")
        return flatten(tree)
    except yaml.constructor.ConstructorError as error:
        raise ConfigError(
            f"{path}: only plain yaml is read, without tags, which can run code: {error}"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid yaml: {error}") from error
    except RecursionError as error:
        raise ConfigError(
            f"{path}: it nests too deep, or its _BASE_ files lead back to it"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or the 45th of a month
        raise ConfigError(f"{path}: it, or a _BASE_ file of it, cannot be read: {error}") from error
    except (AssertionError, AttributeError, TypeError) as error:  # how fvcore meets other shapes
        raise ConfigError(
            f"{path}: expected keys and values, and for _BASE_ a path or a list of paths: {error}"
        ) from error


def _pairs(overrides: Sequence[str]) -> dict[str, Any]:
    if len(overrides) % 2:
        raise ConfigError(
            f"overrides must be KEY VALUE pairs: {overrides[-1]!r}, the last of "
            f"{len(overrides)}, has no value"
        )
    return dict(zip(overrides[::2], overrides[1::2], strict=True))


def _merge(cfg: CfgNode, values: Mapping[str, Any], source: str) -> None:
    """Set every key, or raise ConfigError with the source of the first that cannot be set."""
    version = values.get("VERSION", VERSION)
    if version not in (VERSION, str(VERSION)):
        raise ConfigError(
            f"{source}: VERSION must be {VERSION}, got {version!r}; Detectron2's "
            "detectron2.config.upgrade_config converts an old file"
        )
    known = flatten(cfg)
    if values.get("MODEL.SEM_SEG_HEAD.NAME") in _OLD_HEADS:
        raise ConfigError(
            f"{source}: the saliency head is a network of its own now, the eye: drop the sections "
            "MODEL.SEM_SEG_HEAD and MODEL.PANOPTIC_FPN and the key MODEL.META_ARCHITECTURE, and "
            "choose the eye by VX.EYE.NAME"
        )
    for key, value in values.items():
        if key in REPLACED:
            raise ConfigError(f"{source}: {key} is no longer a key: {REPLACED[key]}")
        if key not in known:
            raise ConfigError(f"{source}: {_unknown(key, known)}")
        _set(cfg, key, value, known[key], source)


def _set(cfg: CfgNode, key: str, raw: Any, default: Any, source: str) -> None:
    """Set one known key, decoded as Detectron2 decodes it."""
    value = _as_float(raw) if type(default) is float else raw
    wrong = f"{source}: {key} must be of type {type(default).__name__}, such as {default!r}"
    try:
        cfg.merge_from_list([key, value])
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        hint = """; text that looks like a number needs extra quotes: "'2024'\""""
        raise ConfigError(
            f"{wrong}, got {raw!r}{hint if type(default) is type(raw) is str else ''}"
        ) from error
    if default is not None and flatten(cfg)[key] is None:
        raise ConfigError(f"{wrong}, got no value")


def _as_float(raw: Any) -> Any:
    """A whole number where a float belongs, which yacs refuses."""
    if type(raw) in (int, str):
        with suppress(ValueError, OverflowError):
            return float(raw)
    return raw


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    if any(name.startswith(f"{key}.") for name in known):
        return f"{key} is a section, expected a key within it"
    return f"unknown key {key}{_did_you_mean(key, known)}"


def _did_you_mean(name: str, names: Mapping[str, Any]) -> str:
    """The names nearest in spelling, or with the same last part, as a question."""
    upper = {one.upper(): one for one in names}
    last = name.upper().replace("/", ".").rsplit(".", 1)[-1]
    same = [one for one in upper if one.replace("/", ".").rsplit(".", 1)[-1] == last]
    near = list(dict.fromkeys([*get_close_matches(name.upper(), upper), *same]))[:3]
    return f"; did you mean {' or '.join(upper[one] for one in near)}?" if near else ""
