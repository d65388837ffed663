"""The trainer of the Detectron2 engine: its ``DefaultTrainer`` over this package's photos.

What the two engines share, such as optimiser, batches, validation and averaging, is the very same
code; steps, hooks, metrics and resuming are Detectron2's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from detectron2.engine import DefaultTrainer, HookBase, TrainerBase, hooks
from detectron2.utils.events import CommonMetricPrinter, EventWriter, JSONWriter, TensorboardXWriter
from fvcore.common.config import CfgNode
from torch import Tensor, nn

from vx_detectron.data.training_set import TrainingSet
from vx_detectron.engines.detectron2.engine import build
from vx_detectron.engines.detectron2.inputs import to_detectron2
from vx_detectron.engines.detectron2.partial import with_partial_heads
from vx_detectron.errors import TrainingError
from vx_detectron.training import checkpoints
from vx_detectron.training.batches import build_train_loader, run_seed, seed_step
from vx_detectron.training.checkpoints import load_start_weights
from vx_detectron.training.detectron2.hooks import Supervision, TrainingEnds
from vx_detectron.training.failures import StopSignals, nonfinite
from vx_detectron.training.metrics_log import METRICS, drop_partial_line
from vx_detectron.training.pending import PendingLosses
from vx_detectron.training.photos import Photos
from vx_detectron.training.solver import (
    build_lr_scheduler,
    build_optimizer,
    freeze,
    restore_settings,
    solver_settings,
    train_mode,
)

logger = logging.getLogger(__name__)


class Trainer(DefaultTrainer):  # type: ignore[misc]
    """One run; see ``loop.Trainer``, which it is like from outside.

    Args:
        cfg: the configuration.
        photos: what to learn from, and what to validate on.
        resume: continue from the last checkpoint in ``OUTPUT_DIR``, if there is one.

    Raises:
        ConfigError, CheckpointError, EngineError, TrainingError: it cannot start.
    """

    def __init__(self, cfg: CfgNode, photos: Photos, resume: bool) -> None:
        self.photos, self.stop, self.pending = photos, StopSignals(), PendingLosses()
        self.seed = run_seed(cfg)
        self.file_names: list[str] = []  # of the batch that is in work
        seed_step(self.seed, -1, 0)
        super().__init__(cfg)
        # Detectron2 reads every loss at every step, before the optimizer's: a GPU would wait.
        self._trainer._write_metrics = self._keep_losses
        train_mode(self.model)
        if resume:
            self._resume()
        self.iteration: int = self.start_iter  # how many steps are done

    def build_model(self, cfg: CfgNode) -> nn.Module:
        """The network with its start weights, and with its frozen parts frozen."""
        model: nn.Module = build(cfg if self.photos.complete else with_partial_heads(cfg))
        load_start_weights("MODEL.WEIGHTS", cfg.MODEL.WEIGHTS, model)
        freeze(model, cfg.VX.SOLVER.FREEZE)
        return model

    def build_optimizer(self, cfg: CfgNode, model: nn.Module) -> torch.optim.Optimizer:
        """As the other engine has it: Detectron2's keys, and AdamW and ``VX.SOLVER.SLOW``."""
        return build_optimizer(cfg, model)

    def build_lr_scheduler(self, cfg: CfgNode, optimizer: torch.optim.Optimizer) -> Any:
        """As the other engine has it."""
        return build_lr_scheduler(cfg, optimizer)

    def build_train_loader(self, cfg: CfgNode) -> Iterator[list[dict[str, Any]]]:
        """The same batches as the other engine's, in Detectron2's format."""
        photos = self.photos
        self.dataset = TrainingSet(photos.train, cfg, photos.class_ids, self.seed)
        return self._inputs(cfg)

    def _inputs(self, cfg: CfgNode) -> Iterator[list[dict[str, Any]]]:
        # A generator: it begins at the first step, when ``start_iter`` and seed are known.
        loader = build_train_loader(cfg, self.dataset, self.seed, self.start_iter)
        for samples in ([one.unpack() for one in batch] for batch in loader):
            self.file_names = [sample.file_name for sample in samples]
            yield [to_detectron2(sample) for sample in samples]

    def build_hooks(self) -> list[HookBase]:
        """Detectron2's timer, schedule and writers, and one hook for all the rest."""
        self.supervision = Supervision(
            self.cfg, self.model, self.photos, self.seed, self.stop, self.pending
        )
        self.best = self.supervision.best
        return [
            hooks.IterationTimer(),
            hooks.LRScheduler(),
            self.supervision,
            hooks.PeriodicWriter(self.build_writers(), self.cfg.VX.SOLVER.LOG_PERIOD),
        ]

    def build_writers(self) -> list[EventWriter]:
        """Detectron2's: the log, metrics.json, and TensorBoard where it is installed."""
        folder = Path(self.cfg.OUTPUT_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        drop_partial_line(folder)
        writers = [CommonMetricPrinter(self.max_iter), JSONWriter(str(folder / METRICS))]
        if find_spec("tensorboard") is None:
            logger.warning('no TensorBoard files: pip install "vx-detectron[train]"')
            return writers
        return [*writers, TensorboardXWriter(str(folder))]

    def run_step(self) -> None:
        """As Detectron2's, but what is not finite is told with its photos."""
        try:
            super().run_step()
        except FloatingPointError as error:
            self.supervision.read_losses()  # which may have been so for some steps
            raise TrainingError(nonfinite(str(error), self.file_names, self.iter)) from error

    def _keep_losses(self, losses: Mapping[str, Tensor], data_time: float, **_: Any) -> None:
        """Instead of Detectron2's ``_write_metrics``; ``Supervision`` reads them when it is due."""
        self.storage.put_scalar("data_time", data_time)
        total = torch.stack(list(losses.values())).sum()
        self.pending.add(self.iter, {"total_loss": total, **losses}, self.file_names)

    def train(self) -> bool:
        """Train to ``SOLVER.MAX_ITER``, or until validation gains no more.

        Returns:
            Whether it came to its end; False where SIGINT or SIGTERM stopped it.

        Raises:
            TrainingError: it cannot go on.
        """
        finished = True
        with self.stop:
            try:
                # DefaultTrainer's would look for TEST.EXPECTED_RESULTS too, as ``run`` does.
                TrainerBase.train(self, self.start_iter, self.max_iter)
            except TrainingEnds as end:
                finished = end.finished
        self.iteration = max(self.iteration, self.supervision.done)
        return finished

    def _resume(self) -> None:
        folder = Path(self.cfg.OUTPUT_DIR)
        if checkpoints.load_last(folder, checkpoints.DETECTRON2) is None:
            logger.warning("nothing to resume in %s: training starts from the beginning", folder)
            return
        settings = solver_settings(self.optimizer)
        try:
            self.resume_or_load(resume=True)
        except (KeyError, RuntimeError, ValueError) as error:
            raise checkpoints.other_configuration(folder, error) from error
        restore_settings(self.scheduler, settings)
        self.seed = self.dataset.seed = self.supervision.seed
