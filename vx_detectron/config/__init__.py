"""The configuration: Detectron2's keys, one VX node, and which of them the engine supports.

Start with ``load_cfg``. Values are set in this order: default, ``_BASE_`` files, the file
itself, then the overrides; after that the tree is frozen.
"""

from fvcore.common.config import CfgNode

from vx_detectron.config.loading import (
    DEFAULT_CONFIG,
    bundled_configs,
    find_config,
    get_cfg,
    load_cfg,
)
from vx_detectron.config.support import beyond_every_engine, check_supported, unsupported_keys
from vx_detectron.config.training_support import check_training
from vx_detectron.config.vx import add_fbnet_config, add_point_rend_config, add_vx_config

__all__ = [
    "DEFAULT_CONFIG",
    "CfgNode",
    "add_fbnet_config",
    "add_point_rend_config",
    "add_vx_config",
    "beyond_every_engine",
    "bundled_configs",
    "check_supported",
    "check_training",
    "find_config",
    "get_cfg",
    "load_cfg",
    "unsupported_keys",
]
