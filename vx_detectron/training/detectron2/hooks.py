"""All that a training here does around the steps of Detectron2's trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from detectron2.engine import HookBase
from fvcore.common.config import CfgNode
from torch import nn

from vx_detectron.engines import build_eye
from vx_detectron.engines.detectron2.engine import Detectron2Engine
from vx_detectron.pipeline import Isolator
from vx_detectron.training import checkpoints
from vx_detectron.training.averaging import averaged
from vx_detectron.training.batches import seed_step
from vx_detectron.training.failures import StopSignals, expect_finite_weights
from vx_detectron.training.metrics_log import draw_curves
from vx_detectron.training.pending import PendingLosses
from vx_detectron.training.photos import Photos, expect_same_photos
from vx_detectron.training.validation import Validator, is_due


class TrainingEnds(BaseException):
    """Leaves Detectron2's loop early. No ``Exception``, which it would log as a failure."""

    def __init__(self, finished: bool) -> None:
        super().__init__()
        self.finished = finished


class Supervision(HookBase):  # type: ignore[misc]
    """Seeds each step, averages, reads losses, validates, saves, and ends the training early."""

    def __init__(
        self,
        cfg: CfgNode,
        model: nn.Module,
        photos: Photos,
        seed: int,
        stop: StopSignals,
        pending: PendingLosses,
    ) -> None:
        self.cfg, self.photos, self.seed, self.stop = cfg, photos, seed, stop
        self.folder, self.done, self.pending = Path(cfg.OUTPUT_DIR), 0, pending
        self.average = averaged(model, cfg.VX.SOLVER.EMA_DECAY)
        averages = self.average.module
        isolator = Isolator(cfg, Detectron2Engine(cfg, averages), build_eye(cfg))
        self.validator = Validator(cfg, isolator, averages, photos)
        self.best = self.validator.best

    def before_step(self) -> None:
        """Let the step draw what it would draw in an unbroken run."""
        seed_step(self.seed, self.trainer.iter, 0)

    def after_step(self) -> None:
        """Average, validate and save; raises TrainingEnds where the training is over."""
        self.average.update_parameters(self.trainer.model)
        iteration, last = self.trainer.iter, self.trainer.max_iter
        self.done, exhausted = iteration + 1, False
        ended = self.done == last
        saves = ended or self.stop.received or self.done % self.cfg.SOLVER.CHECKPOINT_PERIOD == 0
        validates = is_due(self.done, self.cfg.TEST.EVAL_PERIOD, last)
        if saves or validates or self.done % self.cfg.VX.SOLVER.LOG_PERIOD == 0:
            self.read_losses()
        if validates:
            figures = self.validator.run(iteration)
            self.trainer.storage.put_scalars(**figures, smoothing_hint=False)
            draw_curves(self.folder)
            exhausted = self.validator.exhausted()
        ended |= exhausted
        if saves or ended:
            self._save(iteration)
        if ended:
            checkpoints.save(
                self.folder, checkpoints.FINAL, {"model": self.average.module.state_dict()}
            )
        if exhausted or self.stop.received:
            raise TrainingEnds(finished=ended)

    def read_losses(self) -> None:
        """Give Detectron2's writers the losses since the last call; TrainingError if not finite."""
        for iteration, losses in self.pending.read():
            self.trainer.storage.put_scalars(cur_iter=iteration, **losses)

    def _save(self, iteration: int) -> None:
        """What Detectron2's checkpointer writes, but whole or not at all."""
        expect_finite_weights(self.trainer.model, iteration)
        content = {
            "model": self.trainer.model.state_dict(),
            checkpoints.DETECTRON2: self.trainer.state_dict(),
            "iteration": iteration,
        }
        checkpoints.save_checkpoint(self.folder, checkpoints.checkpoint_name(iteration), content)

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint, which asks every hook."""
        return {
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            "seed": self.seed,
            "photos": len(self.photos.train),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """From the checkpoint.

        Raises:
            TrainingError: the run had other photos.
        """
        expect_same_photos(self.folder, saved["photos"], len(self.photos.train))
        self.average.load_state_dict(saved["average"])
        self.best.load_state_dict(saved["best"])
        self.seed = saved["seed"]
