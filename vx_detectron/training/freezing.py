"""Which parts of a network are trained, by the beginnings of their parameters' names."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from vx_detectron.errors import ConfigError

SALIENCY_HEAD = "sem_seg_head."


def freeze(model: nn.Module, prefixes: Sequence[str]) -> None:
    """Stop the gradient of every parameter whose name starts with one of the prefixes.

    Raises:
        ConfigError: a prefix that fits no parameter, or nothing left to train.
    """
    expect_parts(model, "VX.SOLVER.FREEZE", prefixes)
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(prefixes)):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(
            f"VX.SOLVER.FREEZE {list(prefixes)} leaves nothing to train; take a part out of it"
        )


def expect_parts(model: nn.Module, key: str, prefixes: Sequence[str]) -> None:
    """Raise ConfigError, naming the key, for a prefix that fits no parameter."""
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            parts = sorted({name.split(".")[0] for name in names})
            raise ConfigError(
                f"{key} names {prefix!r}, with which no parameter of this network begins; expected "
                f"one of {', '.join(parts)}, or the beginning of a name within them"
            )


def trains_detector(model: nn.Module) -> bool:
    """Whether anything but the saliency head learns."""
    return any(p.requires_grad for n, p in model.named_parameters() if not _of_saliency(n))


def trains_saliency(model: nn.Module) -> bool:
    """Whether the saliency head, where there is one, learns."""
    return any(p.requires_grad for n, p in model.named_parameters() if _of_saliency(n))


def train_mode(model: nn.Module) -> None:
    """Training mode, in which the batch norms of frozen parts keep their statistics."""
    model.train()
    for module in model.modules():
        frozen = not any(parameter.requires_grad for parameter in module.parameters())
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and frozen:
            module.eval()


def _of_saliency(name: str) -> bool:
    return name.startswith(SALIENCY_HEAD)
