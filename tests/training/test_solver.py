"""Optimiser, schedule and clipping: by hand, and as the real Detectron2 has them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fvcore.common.config import CfgNode
from torch import nn

from vx_detectron.config import get_cfg
from vx_detectron.errors import ConfigError
from vx_detectron.training.solver import (
    build_lr_scheduler,
    build_optimizer,
    freeze,
    load_optimizer_state,
    optimizer_state,
    restore_settings,
    solver_settings,
    train_mode,
)


def solver_cfg(**keys: Any) -> CfgNode:
    """The defaults with SOLVER keys changed; ``VX__OPTIMIZER`` is VX.SOLVER.OPTIMIZER."""
    cfg = get_cfg()
    for key, value in keys.items():
        node = cfg.VX.SOLVER if key.startswith("VX__") else cfg.SOLVER
        *path, name = key.removeprefix("VX__").split("__")
        for part in path:
            node = node[part]
        node[name] = value
    return cfg


def small_model() -> nn.Module:
    return nn.ModuleDict(
        {"conv": nn.Conv2d(2, 2, 1), "norm": nn.BatchNorm2d(2), "head": nn.Linear(2, 1)}
    )


def settings(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, tuple[float, float]]:
    """Rate and weight decay by the parameter's name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


KEYS = {
    "BASE_LR": 0.1,
    "WEIGHT_DECAY": 0.01,
    "WEIGHT_DECAY_NORM": 0.002,
    "WEIGHT_DECAY_BIAS": 0.003,
    "BIAS_LR_FACTOR": 2.0,
    "MOMENTUM": 0.8,
    "NESTEROV": True,
}


def test_rates_and_decays_of_biases_norms_and_slow_parts() -> None:
    model = small_model()
    cfg = solver_cfg(**KEYS, VX__SLOW=["head"])
    optimizer = build_optimizer(cfg, model)
    expected = {
        "conv.weight": (0.1, 0.01),
        "conv.bias": (0.2, 0.003),
        "norm.weight": (0.1, 0.002),
        "norm.bias": (0.2, 0.003),
        "head.weight": (0.01, 0.01),
        "head.bias": (0.02, 0.003),
    }
    found = settings(optimizer, model)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values), name
    assert {(g["momentum"], g["nesterov"]) for g in optimizer.param_groups} == {(0.8, True)}
    adam = build_optimizer(solver_cfg(**KEYS, VX__OPTIMIZER="AdamW"), model)
    assert isinstance(adam, torch.optim.AdamW)


@pytest.mark.detectron2
@pytest.mark.parametrize("decay", [None, 0.003])
def test_detectron2_gives_every_parameter_the_same(decay: float | None) -> None:
    solver = pytest.importorskip("detectron2.solver")
    model, cfg = small_model(), solver_cfg(**{**KEYS, "WEIGHT_DECAY_BIAS": decay})
    ours, theirs = build_optimizer(cfg, model), solver.build_optimizer(cfg, model)
    expected = settings(theirs, model)
    assert settings(ours, model).keys() == expected.keys()
    for name, values in settings(ours, model).items():
        assert values == pytest.approx(expected[name]), name


SCHEDULES: list[dict[str, Any]] = [
    {"LR_SCHEDULER_NAME": "WarmupMultiStepLR", "STEPS": (30, 60)},
    {"LR_SCHEDULER_NAME": "WarmupMultiStepLR", "STEPS": (30, 60), "WARMUP_METHOD": "constant"},
    {"LR_SCHEDULER_NAME": "WarmupCosineLR", "BASE_LR_END": 0.01},
    {"LR_SCHEDULER_NAME": "WarmupCosineLR", "RESCALE_INTERVAL": True},
    {"LR_SCHEDULER_NAME": "WarmupStepWithFixedGammaLR", "NUM_DECAYS": 4, "GAMMA": 0.5},
    {"LR_SCHEDULER_NAME": "WarmupMultiStepLR", "STEPS": (30,), "WARMUP_ITERS": 0},
]


def rates(build: Any, cfg: CfgNode) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=cfg.SOLVER.BASE_LR)
    scheduler = build(cfg, optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(cfg.SOLVER.MAX_ITER - 1):
        optimizer.step()
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


@pytest.mark.detectron2
@pytest.mark.parametrize("keys", SCHEDULES)
def test_the_schedule_is_that_of_detectron2(keys: dict[str, Any]) -> None:
    solver = pytest.importorskip("detectron2.solver")
    cfg = solver_cfg(**{"MAX_ITER": 90, "WARMUP_ITERS": 10, "BASE_LR": 0.1, **keys})
    ours = rates(build_lr_scheduler, cfg)
    assert ours == pytest.approx(rates(solver.build_lr_scheduler, cfg), rel=1e-9)
    assert len(set(ours)) > 1


def test_the_schedule_by_hand() -> None:
    steps = solver_cfg(
        MAX_ITER=8, WARMUP_ITERS=2, WARMUP_FACTOR=0.5, BASE_LR=1.0, STEPS=(4, 6), GAMMA=0.1
    )
    expected = [0.5, 0.75, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01]
    assert rates(build_lr_scheduler, steps) == pytest.approx(expected)
    cosine = solver_cfg(MAX_ITER=4, WARMUP_ITERS=0, BASE_LR=1.0, LR_SCHEDULER_NAME="WarmupCosineLR")
    assert rates(build_lr_scheduler, cosine) == pytest.approx(
        [1.0, 0.853553, 0.5, 0.146447], rel=1e-5
    )


def test_steps_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"STEPS \(60, 30\) must rise"):
        rates(build_lr_scheduler, solver_cfg(MAX_ITER=90, STEPS=(60, 30)))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("value", [[0.5, -0.5], [0.3]]),
        ("norm", [[0.3, -0.4], [0.3]]),  # each by itself: 5 becomes 0.5
        ("full_model", [[0.29946, -0.39928], [0.029946]]),  # together: sqrt(25.09) becomes 0.5
    ],
)
def test_gradients_are_clipped_before_each_step(kind: str, expected: list[list[float]]) -> None:
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    clip = {"CLIP_GRADIENTS__ENABLED": True, "CLIP_GRADIENTS__CLIP_TYPE": kind}
    cfg = solver_cfg(
        **clip, CLIP_GRADIENTS__CLIP_VALUE=0.5, BASE_LR=1.0, MOMENTUM=0.0, WEIGHT_DECAY=0.0
    )
    optimizer = build_optimizer(cfg, nn.ParameterList([first, second]))
    first.grad, second.grad = torch.tensor([3.0, -4.0]), torch.tensor([0.3])
    optimizer.step()
    assert (-first.detach()).tolist() == pytest.approx(expected[0], rel=1e-4)
    assert (-second.detach()).tolist() == pytest.approx(expected[1], rel=1e-4)


def test_a_part_that_the_network_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"VX.SOLVER.FREEZE names 'tail'.*conv, head, norm"):
        freeze(small_model(), ["conv", "tail"])
    with pytest.raises(ConfigError, match=r"VX.SOLVER.SLOW names 'tail'"):
        build_optimizer(solver_cfg(VX__SLOW=["tail"]), small_model())
    with pytest.raises(ConfigError, match="nothing to train"):
        freeze(small_model(), ["conv", "head", "norm"])


def test_batch_norm_of_a_frozen_part_keeps_its_statistics() -> None:
    model = small_model()
    freeze(model, ["norm"])
    train_mode(model)
    model["norm"](torch.randn(4, 2, 3, 3) + 5)
    assert model["norm"].running_mean.tolist() == [0.0, 0.0] and model["conv"].training


def step(model: nn.Module, optimizer: torch.optim.Optimizer, value: float) -> None:
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, value)
    optimizer.step()


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_a_resumed_optimizer_remembers_its_steps_but_follows_new_keys(kind: str) -> None:
    model = small_model()
    optimizer = build_optimizer(solver_cfg(**KEYS, VX__OPTIMIZER=kind), model)
    build_lr_scheduler(solver_cfg(**KEYS), optimizer)
    step(model, optimizer, 1.0)
    saved = optimizer_state(optimizer, model)
    freeze(model, ["conv"])  # and one part more is frozen
    other = solver_cfg(**{**KEYS, "BASE_LR": 0.01, "WEIGHT_DECAY": 0.5}, VX__OPTIMIZER=kind)
    resumed = build_optimizer(other, model)
    load_optimizer_state(resumed, model, saved)
    assert settings(resumed, model)["head.weight"] == pytest.approx((0.01, 0.5))
    for name, parameter in model.named_parameters():
        if name.startswith("conv"):
            assert parameter not in resumed.state
            continue
        for key, value in optimizer.state[parameter].items():
            assert torch.equal(resumed.state[parameter][key], value), (name, key)


def test_another_kind_of_optimizer_starts_without_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = small_model()
    optimizer = build_optimizer(solver_cfg(**KEYS), model)
    step(model, optimizer, 1.0)
    other = build_optimizer(solver_cfg(**KEYS, VX__OPTIMIZER="AdamW"), model)
    load_optimizer_state(other, model, optimizer_state(optimizer, model))
    assert not other.state and "is of SGD, now it is AdamW" in caplog.text
    step(model, other, 1.0)


def test_a_schedule_goes_on_where_it_was() -> None:
    cfg = solver_cfg(BASE_LR=0.1, MAX_ITER=90, STEPS=(30, 60), WARMUP_ITERS=10)
    whole = rates(build_lr_scheduler, cfg)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = build_lr_scheduler(cfg, optimizer, 35)
    rest = []
    for _ in range(35, 90):
        rest.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rest == pytest.approx(whole[35:90])


def test_saved_rates_give_way_to_those_of_the_keys() -> None:
    """As Detectron2 resumes: everything is loaded, then the keys count again."""
    before = solver_cfg(BASE_LR=0.1, MAX_ITER=90, STEPS=(30,), WARMUP_ITERS=0)
    now = solver_cfg(BASE_LR=0.01, MAX_ITER=90, STEPS=(30,), WARMUP_ITERS=0, WEIGHT_DECAY=0.7)
    model = small_model()
    old = build_optimizer(before, model)
    old_schedule = build_lr_scheduler(before, old)
    for _ in range(40):
        step(model, old, 0.0)
        old_schedule.step()
    new = build_optimizer(now, model)
    schedule = build_lr_scheduler(now, new)
    wanted = solver_settings(new)
    new.load_state_dict(old.state_dict())
    schedule.load_state_dict(old_schedule.state_dict())
    restore_settings(schedule, wanted)
    assert settings(new, model)["head.weight"] == pytest.approx((0.001, 0.7))
    step(model, new, 0.0)
    schedule.step()
    assert settings(new, model)["head.weight"] == pytest.approx((0.001, 0.7))
