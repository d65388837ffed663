"""Option records as nodes of the configuration: every field is a key of the same name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from fvcore.common.config import CfgNode

from vx_detectron.errors import ConfigError
from vx_detectron.refine.options import RefineOptions
from vx_detectron.subject.options import SubjectOptions

Options = TypeVar("Options", RefineOptions, SubjectOptions)


def add_options(node: CfgNode, record: type[Any]) -> None:
    """Add a key for every field of a record, with the field's default."""
    for one in fields(record):
        node[one.name.upper()] = one.default


def refine_options(cfg: CfgNode) -> RefineOptions:
    """``VX.REFINE`` as the refinement takes it. Raises ConfigError with the key out of range."""
    return _read(cfg.VX.REFINE, "VX.REFINE", RefineOptions)


def subject_options(cfg: CfgNode) -> SubjectOptions:
    """``VX.SUBJECT`` as the choice takes it. Raises ConfigError with the key out of range."""
    return _read(cfg.VX.SUBJECT, "VX.SUBJECT", SubjectOptions)


def _read(node: CfgNode, prefix: str, record: type[Options]) -> Options:
    try:
        return record(**{one.name: node[one.name.upper()] for one in fields(record)})
    except (ConfigError, ValueError) as error:
        name, _, words = str(error).partition(" ")
        raise ConfigError(f"{prefix}.{name.upper()} {words}") from error
