"""What ``video`` and ``live`` have in common: options, and how the networks are set for frames."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from vx_detectron.cli.common import joined, network_overrides

if TYPE_CHECKING:
    from fvcore.common.config import CfgNode

    from vx_detectron.subject import Choice

EYE_SIZE = click.option("--eye-size", type=click.IntRange(96, 1024), metavar="N", help="Short side "
                        "at which the eye looks at every frame, in pixels.")  # fmt: skip


def configuration(options: Mapping[str, Any], eye_size: int) -> CfgNode:
    """The configuration of the options, with an eye that looks once at each frame.

    Raises:
        click.UsageError: an invalid key or value.
    """
    from vx_detectron.config import load_cfg
    from vx_detectron.errors import ConfigError

    pairs = [
        *("VX.EYE.SIZES", f"({options['eye_size'] or eye_size},)", "VX.EYE.ZOOM", "False"),
        *network_overrides(options),
        *joined(options["opt"]),
    ]
    try:
        cfg = load_cfg(options["config_file"], pairs)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    if cfg.VX.EYE.NAME == "none":
        raise click.UsageError("following a subject needs the eye; leave --eye none out.")
    return cfg


def expect_classes(choice: Choice, cfg: CfgNode) -> None:
    """Refuse names that the model cannot know.

    Raises:
        click.UsageError: there is one.
    """
    from vx_detectron.config.class_names import class_names
    from vx_detectron.structures import REGION_LABEL
    from vx_detectron.subject.choice import folded

    known = {folded(name): name for name in (*class_names(cfg), REGION_LABEL)}
    for label in choice.labels:
        if folded(label) not in known:
            near = [known[name] for name in get_close_matches(folded(label), known)]
            hint = f"did you mean {' or '.join(near)}?" if near else "see the model's classes."
            raise click.UsageError(f"{label!r} is not a class of this model; {hint}")
