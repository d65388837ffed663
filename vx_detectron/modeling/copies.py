"""Parts of a network that start as copies of a mobile detector's stages, whose shape they share."""

from __future__ import annotations

from torch import Tensor

_BOX_HEAD = "roi_heads.box_head.roi_box_conv.0.fbnetv2_0_"

# Beginning of the detector's names to that of the copy's.
COPIES: tuple[tuple[str, str], ...] = (
    # The trunk below a feature pyramid.
    ("backbone.body.trunk0.", "backbone.bottom_up.trunk0."),
    ("backbone.body.trunk1.", "backbone.bottom_up.trunk1."),
    ("backbone.body.trunk2.", "backbone.bottom_up.trunk2."),
    ("backbone.body.trunk3.", "backbone.bottom_up.trunk3."),
    (_BOX_HEAD, "backbone.bottom_up.trunk4.fbnetv2_4_"),
)


def copies_of_detector(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The start weights of all such parts, from a detector's state with Detectron2's names."""
    return {
        copy + name.removeprefix(source): value.clone()
        for name, value in weights.items()
        for source, copy in COPIES
        if name.startswith(source)
    }
