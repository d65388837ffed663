"""From the names in a checkpoint to the names of the network, strictly."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from vx_detectron.errors import CheckpointError

# Prefixes that published files put before Detectron2's names; the first that fits is replaced.
RENAMED_PREFIXES: tuple[tuple[str, str], ...] = (
    ("model.model.model.", ""),  # D2Go's exported networks
    ("module.", ""),  # torch's DistributedDataParallel
    ("_conv_stem.", "backbone._conv_stem."),  # EfficientNet-Lite's ImageNet weights
    ("_bn0.", "backbone._bn0."),
    ("_blocks.", "backbone._blocks."),
    ("stem.", "backbone.bottom_up.stem."),  # ImageNet-trained trunks
    ("res2.", "backbone.bottom_up.res2."),
    ("res3.", "backbone.bottom_up.res3."),
    ("res4.", "backbone.bottom_up.res4."),
    ("res5.", "backbone.bottom_up.res5."),
)

# What a file may have beyond the parameters: constants that the configuration gives as well.
IGNORED_PREFIXES = ("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.cell_anchors.")

# Batch norm's counter, which evaluation never reads: older files lack it, a frozen norm has none.
OPTIONAL_SUFFIX = "num_batches_tracked"


def rename(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under Detectron2's names, without what is ignored."""
    renamed: dict[str, Tensor] = {}
    for name, value in weights.items():
        for prefix, replacement in RENAMED_PREFIXES:
            if name.startswith(prefix):
                name = replacement + name.removeprefix(prefix)
                break
        if not name.startswith(IGNORED_PREFIXES):
            renamed[name] = value
    return renamed


def load_strict(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy the weights into the model; every name and shape must fit.

    Raises:
        CheckpointError: lists what is missing, unexpected or of another shape. The model is then
            unchanged.
    """
    wanted = model.state_dict()
    given = rename(weights)
    missing = [n for n in wanted if n not in given and not n.endswith(OPTIONAL_SUFFIX)]
    unexpected = [n for n in given if n not in wanted and not n.endswith(OPTIONAL_SUFFIX)]
    reshaped = [
        f"{n} {tuple(given[n].shape)} for {tuple(wanted[n].shape)}"
        for n in given
        if n in wanted and given[n].shape != wanted[n].shape
    ]
    if missing or unexpected or reshaped:
        raise CheckpointError(
            f"{source} does not fit the network of this configuration: "
            f"{_listed('missing', missing)}; {_listed('unexpected', unexpected)}; "
            f"{_listed('of another shape', reshaped)}. Use the configuration that the weights "
            "were trained with."
        )
    model.load_state_dict(given, strict=False)


def load_matching(model: nn.Module, weights: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Copy what fits, to start a training from; returns the model's names left and the file's."""
    wanted = model.state_dict()
    given = rename(weights)
    fitting = {n: v for n, v in given.items() if n in wanted and v.shape == wanted[n].shape}
    model.load_state_dict(fitting, strict=False)
    return [n for n in wanted if n not in fitting], [n for n in given if n not in fitting]


def _listed(what: str, names: list[str], most: int = 8) -> str:
    if not names:
        return f"nothing {what}"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} {what} ({', '.join(names[:most])}{more})"
