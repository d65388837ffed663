"""The training loop of the torchvision engine: one plain step after another."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import torch
from fvcore.common.config import CfgNode
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vx_detectron.data.training_set import TrainingSet
from vx_detectron.engines.device import resolve_device
from vx_detectron.errors import TrainingError
from vx_detectron.modeling.samples import Sample
from vx_detectron.training import checkpoints, distributed
from vx_detectron.training.averaging import averaged
from vx_detectron.training.batches import build_train_loader, run_seed, seed_step
from vx_detectron.training.failures import StopSignals, expect_finite_weights
from vx_detectron.training.metrics_log import Means, MetricsLog, draw_curves
from vx_detectron.training.networks import Trainee, build_network, build_validator
from vx_detectron.training.pending import PendingLosses
from vx_detectron.training.photos import Photos, expect_same_photos
from vx_detectron.training.precision import Precision, depthwise_in_float32
from vx_detectron.training.solver import (
    build_lr_scheduler,
    build_optimizer,
    freeze,
    load_optimizer_state,
    optimizer_state,
    train_mode,
)
from vx_detectron.training.validation import is_due

logger = logging.getLogger(__name__)


class Trainer:
    """Model, optimiser and data of one run. Steps count from 0, as in Detectron2.

    Args:
        cfg: the configuration.
        photos: what to learn from, and what to validate on.
        resume: continue from the last checkpoint in ``OUTPUT_DIR``, if there is one.

    Raises:
        ConfigError, CheckpointError, EngineError, TrainingError: it cannot start.
    """

    def __init__(self, cfg: CfgNode, photos: Photos, resume: bool) -> None:
        self.cfg, self.photos, self.folder = cfg, photos, Path(cfg.OUTPUT_DIR)
        self.device = distributed.own_device(resolve_device(cfg.MODEL.DEVICE))
        self.seed = distributed.from_main(run_seed(cfg), self.device)
        seed_step(self.seed, -1, 0)  # the same start in every process
        self.model = self._build_model()
        self.average = averaged(self.model, cfg.VX.SOLVER.EMA_DECAY)
        if self.device.type == "cpu" and cfg.SOLVER.AMP.ENABLED:
            depthwise_in_float32(self.model)
        self.optimizer = build_optimizer(cfg, self.model)
        self.precision = Precision(cfg, self.device)
        self.iteration = 0  # of the next step
        self.pending, self.seconds = PendingLosses(), list[float]()
        averages = self.average.module
        self.validator = build_validator(cfg, averages, photos)
        self.best = self.validator.best
        if resume:
            self._resume()
        self.scheduler = build_lr_scheduler(cfg, self.optimizer, self.iteration)
        both = [*photos.train, *photos.validation]
        distributed.expect_same_start(self.iteration, both, self.device)
        dataset = TrainingSet(photos.train, cfg, photos.class_ids, self.seed)
        pin = self.device.type == "cuda"
        self.loader = build_train_loader(cfg, dataset, self.seed, self.iteration, pin)

    def _build_model(self) -> Trainee:
        model = build_network(self.cfg)
        freeze(model, self.cfg.VX.SOLVER.FREEZE)
        train_mode(model)
        # The layout that convolutions are fastest in, on CPU and GPU alike.
        placed: Trainee = model.to(self.device).to(memory_format=torch.channels_last)
        return placed

    def train(self) -> bool:
        """Train to ``SOLVER.MAX_ITER``, or until validation gains no more.

        Returns:
            Whether it came to its end; False where SIGINT or SIGTERM stopped it.

        Raises:
            TrainingError: it cannot go on.
        """
        log = MetricsLog(self.folder, self.iteration) if distributed.is_main() else None
        try:
            with StopSignals() as stop:
                return self._loop(stop, log)
        finally:
            if log:
                log.close()

    def _loop(self, stop: StopSignals, log: MetricsLog | None) -> bool:
        cfg, network, batches, means = self.cfg, self._network(), iter(self.loader), Means()
        ended = self.iteration >= cfg.SOLVER.MAX_ITER
        while not ended:
            started, rate = time.perf_counter(), float(max(self.scheduler.get_last_lr()))
            self._step(network, [one.unpack(self.device) for one in next(batches)], started)
            self.iteration += 1
            stopped = distributed.any_of(stop.received, self.device)
            ended = self.iteration == cfg.SOLVER.MAX_ITER
            logs = self.iteration % cfg.VX.SOLVER.LOG_PERIOD == 0
            saves = ended or stopped or self.iteration % cfg.SOLVER.CHECKPOINT_PERIOD == 0
            validates = is_due(self.iteration, cfg.TEST.EVAL_PERIOD, cfg.SOLVER.MAX_ITER)
            if logs or saves or validates:
                self._take_losses(means)
            if log and logs:
                log.write(self.iteration - 1, {**means.take(), "lr": rate})
            if validates:
                ended |= self._validate(log)
            if log and (saves or ended):
                self._save()
            if stopped and not ended:
                return False
        if log:
            weights = checkpoints.weights_of(self.average.module)
            checkpoints.save(self.folder, checkpoints.FINAL, weights)
        return True

    def _network(self) -> nn.Module:
        losses = _Losses(self.model)
        if distributed.world_size() == 1:
            return losses
        ids = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(losses, device_ids=ids, broadcast_buffers=False)

    def _step(self, network: nn.Module, samples: list[Sample], started: float) -> None:
        """One step on one batch. Its losses stay on the device: reading them would wait for it."""
        seed_step(self.seed, self.iteration, distributed.rank())
        with self.precision.autocast():
            losses: dict[str, Tensor] = network(samples)
        total = torch.stack(list(losses.values())).sum()
        self.precision.step(total, self.optimizer)
        self.scheduler.step()
        self.average.update_parameters(self.model)
        files = [sample.file_name for sample in samples]
        self.pending.add(self.iteration, {"total_loss": total, **losses}, files)
        self.seconds.append(time.perf_counter() - started)

    def _take_losses(self, means: Means) -> None:
        """Read the losses of the steps since the last call; TrainingError if not finite."""
        for (_, losses), seconds in zip(self.pending.read(), self.seconds, strict=True):
            means.add({**losses, "time": seconds})
        self.seconds.clear()

    def _validate(self, log: MetricsLog | None) -> bool:
        """Whether validation has long gained nothing; all processes share in it."""
        figures = self.validator.run(self.iteration - 1)
        if log:
            if figures:
                log.write(self.iteration - 1, figures)
            draw_curves(self.folder)
        return self.validator.exhausted()

    def _save(self) -> None:
        """Write everything that ``--resume`` needs; ``model`` is the averaged one."""
        expect_finite_weights(self.model, self.iteration - 1)
        training = {
            "model": self.model.state_dict(),
            "optimizer": optimizer_state(self.optimizer, self.model),
            "scaler": self.precision.scaler.state_dict(),
            "best": self.best.state_dict(),
            "iteration": self.iteration,
            "seed": self.seed,
            "photos": len(self.photos.train),
        }
        content = checkpoints.weights_of(self.average.module) | {checkpoints.TORCHVISION: training}
        checkpoints.save_checkpoint(
            self.folder, checkpoints.checkpoint_name(self.iteration - 1), content
        )

    def _resume(self) -> None:
        saved = checkpoints.load_last(self.folder, checkpoints.TORCHVISION)
        if saved is None:
            logger.warning(
                "nothing to resume in %s: training starts from the beginning", self.folder
            )
            return
        training = saved[checkpoints.TORCHVISION]
        if saved.get("metadata") != getattr(self.model, "metadata", None):
            raise TrainingError(
                f"the checkpoint in {self.folder} belongs to another eye: its features do not fit; "
                "resume with the VX.EYE.WEIGHTS of its config.yaml"
            )
        expect_same_photos(self.folder, training["photos"], len(self.photos.train))
        try:
            self.model.load_state_dict(training["model"])
            self.average.module.load_state_dict(saved["model"])
            load_optimizer_state(self.optimizer, self.model, training["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise checkpoints.other_configuration(self.folder, error) from error
        self.precision.scaler.load_state_dict(training["scaler"])
        self.best.load_state_dict(training["best"])
        self.iteration, self.seed = training["iteration"], training["seed"]
        self.average.n_averaged.fill_(self.iteration)
        logger.info("resumed after iteration %d", self.iteration - 1)


class _Losses(nn.Module):
    """The network as DistributedDataParallel wants it: what is called gives the losses."""

    def __init__(self, model: Trainee) -> None:
        super().__init__()
        self.model = model

    def forward(self, samples: list[Sample]) -> dict[str, Tensor]:
        """See the networks' own ``losses``."""
        return self.model.losses(samples)
