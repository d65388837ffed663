"""Optimiser and schedule from Detectron2's SOLVER keys."""

from __future__ import annotations

from math import cos, pi

import torch
from fvcore.common.config import CfgNode
from torch import nn
from torch.optim.lr_scheduler import LambdaLR


def freeze(model: nn.Module, prefixes: list[str]) -> None:
    """Stop the gradient of every parameter whose name starts with one of the prefixes."""
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(prefixes)):
            parameter.requires_grad_(False)


def build_optimizer(cfg: CfgNode, model: nn.Module) -> torch.optim.Optimizer:
    """SGD or AdamW over the parameters that are not frozen.

    Parameters named by ``VX.SOLVER.SLOW`` get a tenth of the rate: they are pretrained.
    """
    slow: list[nn.Parameter] = []
    fast: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (slow if name.startswith(tuple(cfg.VX.SOLVER.SLOW)) else fast).append(parameter)
    rate = cfg.SOLVER.BASE_LR
    groups = [{"params": fast, "lr": rate}, {"params": slow, "lr": 0.1 * rate}]
    groups = [group for group in groups if group["params"]]
    if cfg.VX.SOLVER.OPTIMIZER == "AdamW":
        return torch.optim.AdamW(groups, weight_decay=cfg.SOLVER.WEIGHT_DECAY)
    return torch.optim.SGD(
        groups,
        momentum=cfg.SOLVER.MOMENTUM,
        weight_decay=cfg.SOLVER.WEIGHT_DECAY,
        nesterov=cfg.SOLVER.NESTEROV,
    )


def build_lr_scheduler(cfg: CfgNode, optimizer: torch.optim.Optimizer) -> LambdaLR:
    """Linear warm-up, then cosine or steps (``SOLVER.LR_SCHEDULER_NAME``)."""
    node = cfg.SOLVER

    def factor(iteration: int) -> float:
        if iteration < node.WARMUP_ITERS:
            done = iteration / node.WARMUP_ITERS
            return float(node.WARMUP_FACTOR * (1 - done) + done)
        if node.LR_SCHEDULER_NAME == "WarmupCosineLR":
            return 0.5 * (1 + cos(pi * min(iteration / node.MAX_ITER, 1.0)))
        return float(node.GAMMA ** sum(iteration >= step for step in node.STEPS))

    return LambdaLR(optimizer, factor)
