"""What is trained and how: frozen parts, optimizer and learning-rate schedule.

The SOLVER keys mean what they mean in Detectron2.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from fvcore.common.config import CfgNode
from fvcore.common.param_scheduler import (
    CompositeParamScheduler,
    ConstantParamScheduler,
    CosineParamScheduler,
    LinearParamScheduler,
    MultiStepParamScheduler,
    ParamScheduler,
    StepWithFixedGammaParamScheduler,
)
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from vx_detectron.errors import ConfigError

logger = logging.getLogger(__name__)


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
            f"VX.SOLVER.FREEZE {list(prefixes)} leaves nothing to train; remove a part from it"
        )


def expect_parts(model: nn.Module, key: str, prefixes: Sequence[str]) -> None:
    """Raise ConfigError, naming the key, for a prefix that fits no parameter."""
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            parts = sorted({name.split(".")[0] for name in names})
            raise ConfigError(
                f"{key} names {prefix!r}, but no parameter of this network begins with it; "
                f"expected one of {', '.join(parts)}, or the beginning of a name within them"
            )


def train_mode(model: nn.Module) -> None:
    """Training mode, in which the batch norms of frozen parts keep their statistics."""
    model.train()
    for module in model.modules():
        frozen = not any(parameter.requires_grad for parameter in module.parameters())
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and frozen:
            module.eval()


SLOW_FACTOR = 0.1  # of SOLVER.BASE_LR, for the parts that VX.SOLVER.SLOW names

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def build_optimizer(cfg: CfgNode, model: nn.Module) -> torch.optim.Optimizer:
    """SGD or AdamW (``VX.SOLVER.OPTIMIZER``) over the parameters that are not frozen.

    Rates and weight decays of biases and norms follow Detectron2's SOLVER keys; parts named by
    ``VX.SOLVER.SLOW`` get a tenth of their rate.

    Raises:
        ConfigError: ``VX.SOLVER.SLOW`` names a part that the network does not have.
    """
    expect_parts(model, "VX.SOLVER.SLOW", cfg.VX.SOLVER.SLOW)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter, rate, decay in _parameters(cfg, model):
        groups.setdefault((rate, decay), []).append(parameter)
    settings = [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]
    optimizer: torch.optim.Optimizer
    if cfg.VX.SOLVER.OPTIMIZER == "AdamW":
        optimizer = torch.optim.AdamW(settings)
    else:
        node = cfg.SOLVER
        optimizer = torch.optim.SGD(settings, momentum=node.MOMENTUM, nesterov=node.NESTEROV)
    if cfg.SOLVER.CLIP_GRADIENTS.ENABLED:
        _clip_before_steps(cfg.SOLVER.CLIP_GRADIENTS, optimizer)
    return optimizer


def _parameters(cfg: CfgNode, model: nn.Module) -> Iterator[tuple[nn.Parameter, float, float]]:
    """Every parameter that is trained, with its rate and its weight decay."""
    node, slow = cfg.SOLVER, tuple(cfg.VX.SOLVER.SLOW)
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            rate, decay = node.BASE_LR, node.WEIGHT_DECAY
            if isinstance(module, _NORMS):
                decay = node.WEIGHT_DECAY_NORM
            if name == "bias":
                rate *= node.BIAS_LR_FACTOR
                decay = decay if node.WEIGHT_DECAY_BIAS is None else node.WEIGHT_DECAY_BIAS
            if slow and f"{prefix}.{name}".startswith(slow):
                rate *= SLOW_FACTOR
            yield parameter, float(rate), float(decay)


def _clip_before_steps(node: CfgNode, optimizer: torch.optim.Optimizer) -> None:
    """Bound the gradients as ``SOLVER.CLIP_GRADIENTS`` asks for, before each of its steps.

    As in Detectron2 ``value`` and ``norm`` bound each parameter's gradient by itself; as in
    Mask2Former ``full_model`` bounds the norm of all of them together. Mixed precision has undone
    its scaling by then.
    """
    parameters = [one for group in optimizer.param_groups for one in group["params"]]

    def clip(*_: Any) -> None:
        if node.CLIP_TYPE == "full_model":
            nn.utils.clip_grad_norm_(parameters, node.CLIP_VALUE, node.NORM_TYPE)
        elif node.CLIP_TYPE == "norm":
            for parameter in parameters:
                nn.utils.clip_grad_norm_(parameter, node.CLIP_VALUE, node.NORM_TYPE)
        else:
            nn.utils.clip_grad_value_(parameters, node.CLIP_VALUE)

    optimizer.register_step_pre_hook(clip)


def optimizer_state(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Any]:
    """What the optimizer remembers of each parameter, by its name; for the checkpoint."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    state = {names[id(parameter)]: kept for parameter, kept in optimizer.state.items()}
    return {"kind": type(optimizer).__name__, "parameters": state}


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, model: nn.Module, saved: Mapping[str, Any]
) -> None:
    """Remember again what ``optimizer_state`` gave; rates and the like stay those of the keys.

    So a resumed training may have other SOLVER keys, or more or fewer frozen parts.
    """
    groups = optimizer.state_dict()["param_groups"]
    if "kind" not in saved:  # of an earlier version: torch's own, by place
        optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})
        return
    if saved["kind"] != type(optimizer).__name__:
        logger.warning(
            "the checkpoint is of %s, now it is %s (VX.SOLVER.OPTIMIZER): it starts without state",
            saved["kind"],
            type(optimizer).__name__,
        )
        return
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    ordered = [names[id(one)] for group in optimizer.param_groups for one in group["params"]]
    known = saved["parameters"]
    state = {place: known[name] for place, name in enumerate(ordered) if name in known}
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def build_lr_scheduler(cfg: CfgNode, optimizer: torch.optim.Optimizer, done: int = 0) -> LambdaLR:
    """Warm-up, then steps or a cosine (``SOLVER.LR_SCHEDULER_NAME``), as in Detectron2.

    Args:
        cfg: the SOLVER keys.
        optimizer: its rates are set.
        done: how many steps were done before.

    Raises:
        ConfigError: steps that do not rise, or an end above the start.
    """
    try:
        schedule = _with_warmup(cfg.SOLVER, _schedule(cfg.SOLVER))
    except ValueError as error:
        raise ConfigError(
            f"the SOLVER keys give no schedule: {error}; STEPS {tuple(cfg.SOLVER.STEPS)} must "
            f"rise, and lie below MAX_ITER {cfg.SOLVER.MAX_ITER}"
        ) from error
    last = cfg.SOLVER.MAX_ITER - 1  # what comes after it is asked for, but not used
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    factor: Callable[[int], float] = lambda step: float(schedule(min(step, last) / (last + 1)))  # noqa: E731
    return LambdaLR(optimizer, factor, last_epoch=done - 1)


def solver_settings(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Rates, decays and the like of every group of parameters, as the keys ask for."""
    return [
        {name: value for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]


def restore_settings(scheduler: LambdaLR, settings: Sequence[Mapping[str, Any]]) -> None:
    """Let a resumed optimizer follow the keys again, not those that its checkpoint was saved with.

    Args:
        scheduler: of that optimizer, at the step that was resumed from.
        settings: see ``solver_settings``.
    """
    scheduler.base_lrs = [group["initial_lr"] for group in settings]
    groups = scheduler.optimizer.param_groups
    for group, wanted, factor in zip(groups, settings, scheduler.lr_lambdas, strict=True):
        group.update(wanted)
        group["lr"] = wanted["initial_lr"] * factor(scheduler.last_epoch)
    scheduler._last_lr = [group["lr"] for group in groups]


def _schedule(node: Any) -> ParamScheduler:
    """Factor of the rate by the share of the training that is done, 0..1."""
    if node.LR_SCHEDULER_NAME == "WarmupCosineLR":
        return CosineParamScheduler(1.0, node.BASE_LR_END / node.BASE_LR)
    if node.LR_SCHEDULER_NAME == "WarmupStepWithFixedGammaLR":
        return StepWithFixedGammaParamScheduler(1.0, node.NUM_DECAYS, node.GAMMA, node.MAX_ITER)
    steps = [step for step in node.STEPS if step < node.MAX_ITER]
    if len(steps) < len(node.STEPS):
        logger.warning("SOLVER.STEPS from SOLVER.MAX_ITER %d on have no effect", node.MAX_ITER)
    return MultiStepParamScheduler(
        [node.GAMMA**k for k in range(len(steps) + 1)], node.MAX_ITER, steps
    )


def _with_warmup(node: Any, schedule: ParamScheduler) -> ParamScheduler:
    length = min(node.WARMUP_ITERS / node.MAX_ITER, 1.0)
    start = node.WARMUP_FACTOR * schedule(0.0)
    end = schedule(0.0 if node.RESCALE_INTERVAL else length)
    constant = node.WARMUP_METHOD == "constant"
    return CompositeParamScheduler(
        [ConstantParamScheduler(start) if constant else LinearParamScheduler(start, end), schedule],
        [length, 1.0 - length],
        ["rescaled", "rescaled" if node.RESCALE_INTERVAL else "fixed"],
    )
